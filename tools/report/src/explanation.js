// What `moesim explain --format json` found: the formulas beside the simulation, and what a change of
// each quantity does to the step.
import {number, seconds, words} from './format.js';
import {card, plainTable} from './dom.js';
import {chart, ink, kColours} from './charts.js';

const numeric = (text) => ({text, number: true});

const mathCard = (explanation) => {
  const terms = explanation.math?.terms ?? [];
  const parts = explanation.attribution ?? [];
  if (terms.length === 0) return null;
  const steps = [...terms.map((term) => ({name: words(term.name), seconds: term.seconds, sum: true})),
    ...parts.map((part) => ({name: words(part.cause), seconds: part.seconds, sum: false}))];
  let at = 0;
  const floor = [], rise = [], fall = [];
  for (const step of steps) {
    floor.push(Math.min(at, at + step.seconds));
    rise.push(step.seconds >= 0 ? step.seconds : '-');
    fall.push(step.seconds < 0 ? -step.seconds : '-');
    at += step.seconds;
  }
  return card('The math beside the simulation', {wide: true, note: `Formulas add up to ${seconds(explanation.math.sum_s)}; what they leave out makes the simulated ${seconds(explanation.step_time_s, 4)}.`},
    chart('Formulas and what they leave out', 300, () => ({
      grid: {left: 8, right: 16, top: 34, bottom: 8, containLabel: true},
      legend: {top: 0, data: ['adds', 'hides']},
      tooltip: {trigger: 'item', confine: true, formatter: ({dataIndex}) => `${steps[dataIndex].name}: ${seconds(steps[dataIndex].seconds)}`},
      xAxis: {type: 'category', data: [...steps.map((step) => step.name)], axisLabel: {interval: 0, rotate: 24, width: 150, overflow: 'truncate'}},
      yAxis: {type: 'value', name: 'seconds'},
      series: [{type: 'bar', stack: 'all', silent: true, itemStyle: {color: 'transparent', decal: {symbol: 'none'}}, data: floor},
        {name: 'adds', type: 'bar', stack: 'all', barMaxWidth: 46, itemStyle: {color: kColours[0]}, data: rise.map((value, index) => ({value, itemStyle: {color: steps[index].sum ? kColours[0] : kColours[5]}}))},
        {name: 'hides', type: 'bar', stack: 'all', barMaxWidth: 46, itemStyle: {color: kColours[2]}, data: fall}],
      patterns: false,
    })),
    plainTable('Formulas', ['term', 'formula', 'with numbers', {text: 'time', number: true}],
      terms.map((term) => [words(term.name), term.formula, term.numbers, numeric(seconds(term.seconds))])),
    plainTable('What the formulas leave out', ['cause', 'switched off by', {text: 'adds', number: true}],
      parts.map((part) => [words(part.cause), part.switched_off || '–', numeric(seconds(part.seconds))])));
};

const elasticityCard = (explanation) => {
  const knobs = explanation.sensitivities ?? [];
  if (knobs.length === 0) return null;
  return card('What would help', {wide: true, note: 'Elasticity: a change of 1 % of the quantity changes the step by this many percent. Measured by simulating again.'},
    chart('Elasticity of the step time', Math.max(140, 34 + 22 * knobs.length), () => ({
      grid: {left: 8, right: 60, top: 4, bottom: 24, containLabel: true},
      tooltip: {trigger: 'item', confine: true, formatter: ({dataIndex}) => `${knobs[dataIndex].knob} (${knobs[dataIndex].value}): ${number(knobs[dataIndex].elasticity, 2)}<br>less: ${seconds(knobs[dataIndex].low_step_s, 4)}, more: ${seconds(knobs[dataIndex].high_step_s, 4)}`},
      xAxis: {type: 'value'},
      yAxis: {type: 'category', inverse: true, data: knobs.map((knob) => knob.knob), axisTick: {show: false}},
      series: [{type: 'bar', barMaxWidth: 18, data: knobs.map((knob) => ({value: knob.elasticity, itemStyle: {color: knob.elasticity < 0 ? kColours[2] : kColours[5]}})),
        label: {show: true, position: 'right', color: ink().text, formatter: ({value}) => number(value, 2)}}],
      patterns: false,
    })));
};

export const explanationCards = (explanation) => (explanation ? [mathCard(explanation), elasticityCard(explanation)] : []);
