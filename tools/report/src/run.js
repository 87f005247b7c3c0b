// One run: where its step goes, its memory, links, critical path and the scenario behind it.
import {axisOf, bytes, count, number, percent, seconds, tick, words} from './format.js';
import {card, folded, make, plainTable} from './dom.js';
import {chart, ink, kColours, kIdle, kPart} from './charts.js';
import {explanationCards} from './explanation.js';
import {scenarioCard} from './scenario.js';
import {timelineCards} from './timeline.js';

const kMemory = [['parameters_bytes', 'parameters'], ['gradients_bytes', 'gradients'], ['optimizer_bytes', 'optimizer'],
  ['activations_bytes', 'activations'], ['buffers_bytes', 'buffers'], ['outside_bytes', 'outside the allocator']];
const kBlocks = [['forward_s', 'forward'], ['backward_s', 'backward'], ['weight_gradient_s', 'weight gradient'],
  ['overlapped_s', 'forward and backward at once'], ['optimizer_s', 'optimizer'], ['bubble_s', 'bubble']];
const kBlockColours = [kPart.forward, kPart.backward, kPart.weight_gradient, kPart.overlapped, kPart.optimizer, kIdle];
const kVerdicts = {fits: ['fits', 'good'], tight: ['tight', 'warn'], out_of_memory: ['out of memory', 'bad']};

const numeric = (text) => ({text, number: true});

// The fullest of them, by share of its capacity.
const fullest = (memory) => memory.reduce((most, stage) => (filled(stage) > filled(most) ? stage : most), memory[0]);
export const filled = (stage) => (stage.total_bytes + (stage.outside_bytes ?? 0)) / stage.capacity_bytes;

export const memoryVerdict = (report) => {
  const memory = report.memory ?? [];
  if (memory.length === 0) return null;
  const verdicts = memory.map((stage) => stage.verdict || (stage.fits ? 'fits' : 'out_of_memory'));
  const worst = ['out_of_memory', 'tight', 'fits'].find((verdict) => verdicts.includes(verdict)) ?? 'fits';
  return {verdict: worst, text: kVerdicts[worst][0], tone: kVerdicts[worst][1], share: filled(fullest(memory)), stage: fullest(memory)};
};

const figure = (name, value, small, {tone, title} = {}) =>
  make('div', {title}, make('dt', {}, name), make('dd', {class: tone}, value, small ? make('small', {}, small) : null));

const headline = (report) => {
  const memory = memoryVerdict(report);
  const bound = report.lower_bound_s / report.step_time_s;
  return make('dl', {class: 'figures'},
    figure('step time', seconds(report.step_time_s, 4), report.band && `measured steps like it: ${seconds(report.band.low_s)} to ${seconds(report.band.high_s)}`,
      {title: report.band && `four of five of ${report.band.rows} measured steps (${report.band.like}) lie in this band`}),
    figure('tokens per second', count(report.tokens_per_s), `${count(report.tokens_per_s_per_device)} per device`),
    figure('model FLOPs', `${number(report.tflops_per_device, 3)} TFLOP/s`, 'per device, recomputation not counted'),
    figure('MFU', percent(report.mfu), 'of the peak of the GEMMs’ precision'),
    memory && figure('memory', memory.text, `${percent(memory.share, 0)} of ${bytes(memory.stage.capacity_bytes)} on ${stageName(memory.stage)}`, {tone: memory.tone}),
    figure('overload factor', number(report.overload_factor, 3), 'tokens on the busiest rank over the mean'),
    report.lower_bound_s > 0 && figure('lower bound', seconds(report.lower_bound_s), `${percent(bound, 0)} of the step: ${report.lower_bound_by ?? ''}`,
      {title: 'no schedule of this work on these ports is faster'}),
    report.goodput && figure('goodput', percent(report.goodput.goodput), 'of a long run with failures'),
    figure('devices', count(report.devices), report.platform?.name ?? ''));
};

const stageName = (stage) => stage.name || `stage ${stage.stage}`;

const breakdownCard = (report) => {
  const parts = Object.entries(report.breakdown_s ?? {}).filter(([, value]) => value > 0);
  if (parts.length === 0) return null;
  const axis = axisOf(report.step_time_s, 'seconds');
  return card('Where the step goes', {note: `The mean device, ${seconds(report.step_time_s, 4)}. Exposed: its compute stream waited for this communication.`},
    chart('Parts of the step time', 150, () => ({
      grid: {left: 8, right: 16, top: 44, bottom: 26, containLabel: true},
      legend: {top: 0, type: 'plain'},
      tooltip: {trigger: 'item', formatter: ({seriesName, value}) => `${seriesName}: ${seconds(value, 4)} (${percent(value / report.step_time_s)})`},
      xAxis: {type: 'value', max: report.step_time_s, axisLabel: {formatter: axis.label, hideOverlap: true, showMaxLabel: false}, name: axis.unit, nameLocation: 'end', nameGap: 4},
      yAxis: {type: 'category', data: [''], axisTick: {show: false}},
      series: parts.map(([key, value]) => ({name: words(key), type: 'bar', stack: 'all', barWidth: 40, data: [value], itemStyle: {color: kPart[key]}})),
    })),
    plainTable('Parts of the step time', ['part', {text: 'time', number: true}, {text: 'of the step', number: true}],
      parts.map(([key, value]) => [words(key), numeric(seconds(value, 4)), numeric(percent(value / report.step_time_s))])));
};

const stacked = (label, names, columns, values, {colours, unit, format, marks = []}) => {
  const most = Math.max(...columns.map((_, column) => values.reduce((sum, row) => sum + row[column], 0)), ...marks.map((mark) => mark.at), 0);
  const axis = axisOf(most, unit);
  const shown = names.map((name, index) => ({name, index})).filter(({index}) => values[index].some((value) => value > 0));
  return chart(label, Math.max(150, 90 + 24 * columns.length), () => ({
    grid: {left: 8, right: 70, top: 58, bottom: marks.length ? 20 : 8, containLabel: true},
    legend: {top: 0, type: 'plain'},
    tooltip: {trigger: 'axis', axisPointer: {type: 'shadow'}, confine: true, formatter: (items) => [columns[items[0].dataIndex].tip ?? columns[items[0].dataIndex].name,
      ...items.filter((item) => item.value > 0).map((item) => `${item.marker} ${item.seriesName}: ${format(item.value)}`)].join('<br>')},
    xAxis: {type: 'value', axisLabel: {formatter: axis.label, hideOverlap: true, showMaxLabel: false}, name: axis.unit, position: 'top', max: most > 0 ? most * 1.02 : 1, splitNumber: 6},
    yAxis: {type: 'category', inverse: true, data: columns.map((column) => column.name), axisTick: {show: false}},
    series: shown.map(({name, index}, order) => ({name, type: 'bar', stack: 'all', barMaxWidth: 22, data: values[index], itemStyle: {color: colours[index]},
      markLine: order === 0 && marks.length ? {symbol: 'none', silent: true, animation: false,
        data: marks.map((mark) => ({xAxis: mark.at, label: {formatter: mark.name, color: ink().text, position: mark.position, rotate: 0, distance: 4},
          lineStyle: {color: ink().accent, type: mark.dash ? 'dashed' : 'solid', width: 2}}))} : undefined})),
  }));
};

const pipelineCard = (report) => {
  const stages = report.pipeline ?? [];
  if (stages.length < 2) return null;
  return card('Pipeline stages', {note: 'How the step of each stage divides into blocks of the schedule; a block’s communication counts with it. Bubble: no block was under way.'},
    stacked('Pipeline stages', kBlocks.map(([, name]) => name), stages.map((stage) => ({name: `stage ${stage.stage}`})),
      kBlocks.map(([key]) => stages.map((stage) => stage[key] ?? 0)), {colours: kBlockColours, unit: 'seconds', format: (value) => seconds(value)}));
};

const memoryCard = (report) => {
  const memory = report.memory ?? [];
  if (memory.length === 0) return null;
  const same = memory.every((stage) => stage.capacity_bytes === memory[0].capacity_bytes);
  const {capacity_bytes: capacity, reserve_bytes: reserve} = memory[0];
  const verdict = memoryVerdict(report);
  const marks = !same ? [] : [{at: capacity, name: 'capacity', position: 'end'}, ...(reserve > 0 ? [{at: capacity - reserve, name: '', dash: true}] : [])];
  const note = !same ? 'Stores of different sizes: the table has their capacities.'
    : `Capacity ${bytes(capacity)}${reserve > 0 ? `, of which ${bytes(reserve)} are a reserve not to be planned with (dashed line)` : ''}.`;
  return card(`Memory: ${verdict.text}`, {note},
    stacked('Memory of each stage', kMemory.map(([, name]) => name), memory.map((stage) => ({name: stageName(stage), tip: [stageName(stage), stage.moment].filter(Boolean).join(', ')})),
      kMemory.map(([key]) => memory.map((stage) => stage[key] ?? 0)), {colours: [...kColours.slice(0, 5), kIdle], unit: 'bytes', format: (value) => bytes(value), marks}),
    folded('Numbers, fullest moment and largest tensors', plainTable('Memory of each stage',
      ['stage', {text: 'held', number: true}, {text: 'reserved by the allocator', number: true}, {text: 'outside', number: true}, {text: 'capacity', number: true}, 'verdict', 'fullest moment', 'largest then'],
      memory.map((stage) => [stageName(stage), numeric(bytes(stage.total_bytes)), numeric(bytes(stage.reserved_bytes)), numeric(bytes(stage.outside_bytes)), numeric(bytes(stage.capacity_bytes)),
        kVerdicts[stage.verdict]?.[0] ?? (stage.fits ? 'fits' : 'out of memory'), stage.moment ?? '',
        (stage.largest ?? []).slice(0, 4).map((held) => `${held.name} ${bytes(held.bytes)}`).join(', ')]))));
};

const bars = (label, entries, {format, height, colour, most}) => chart(label, height ?? Math.max(120, 30 + 21 * entries.length), () => ({
  grid: {left: 8, right: 64, top: 4, bottom: 24, containLabel: true},
  tooltip: {trigger: 'item', confine: true, formatter: ({dataIndex}) => entries[dataIndex].tip},
  xAxis: {type: 'value', max: most, axisLabel: {formatter: (value) => tick(format(value)), hideOverlap: true}},
  yAxis: {type: 'category', inverse: true, data: entries.map((entry) => entry.name), axisTick: {show: false}, axisLabel: {width: 210, overflow: 'truncate'}},
  series: [{type: 'bar', barMaxWidth: 18, data: entries.map((entry) => ({value: entry.value, itemStyle: {color: colour(entry)}})),
    label: {show: true, position: 'right', formatter: ({value}) => format(value), color: ink().text}}],
  patterns: false,
}));

const kKindColour = {compute: '#0072b2', nvlink: '#009e73', nic: '#d55e00', leaf: '#cc79a7'};

const resourcesCard = (report) => {
  const uses = report.resources ?? [];
  if (uses.length === 0) return null;
  return card('Devices and links', {note: 'How much of the step each was busy: of links, bytes over bandwidth times step. The busiest four of a kind.'},
    bars('Busy fraction of devices and links', uses.map((use) => ({name: use.name, value: use.busy_fraction, kind: use.kind,
      tip: `${use.name} (${use.kind}): ${percent(use.busy_fraction)}${use.bytes > 0 ? `, ${bytes(use.bytes)}` : ''}`})),
    {format: (value) => percent(value), colour: (entry) => kKindColour[entry.kind] ?? kColours[7], most: 1}));
};

const overloadCard = (report) => {
  const layers = report.layer_overload ?? [];
  if (!layers.some((value) => value > 0)) return null;
  return card('Expert load by layer', {note: 'Tokens on the most loaded rank over the mean, mean over microbatches. 1 is balanced; layers without experts are left out.'},
    chart('Overload of each layer', 220, () => ({
      grid: {left: 8, right: 16, top: 30, bottom: 24, containLabel: true},
      tooltip: {trigger: 'axis', formatter: ([item]) => `layer ${item.name}: ${number(item.value, 3)}`},
      xAxis: {type: 'category', data: layers.map((_, index) => index), name: 'layer', nameLocation: 'middle', nameGap: 22},
      yAxis: {type: 'value', min: 0, name: 'overload'},
      series: [{type: 'bar', data: layers.map((value) => (value > 0 ? value : '-')), itemStyle: {color: kColours[0]},
        markLine: {symbol: 'none', silent: true, data: [{yAxis: report.overload_factor}], lineStyle: {color: ink().accent, type: 'dashed'}, label: {formatter: 'mean', color: ink().text, position: 'insideEndTop'}}}],
      patterns: false,
    })));
};

const criticalCard = (report) => {
  const path = report.critical_path ?? [];
  if (path.length === 0) return null;
  const shown = path.slice(0, 15);
  return card('Critical path', {note: 'The chain of kernels and transfers that the step ended with, by operation: only what is on it can make the step shorter.'},
    bars('Critical path by operation', shown.map((entry) => ({name: `${words(entry.op)}${entry.kind === 'compute' ? '' : ` (${entry.kind})`}`, value: entry.share, kind: entry.kind,
      tip: `${words(entry.op)} on ${entry.kind}: ${seconds(entry.seconds)}, ${count(entry.count)} tasks${entry.link ? `, busiest link ${entry.link}` : ''}`})),
    {format: (value) => percent(value), colour: (entry) => kPart[entry.kind] ?? kColours[7]}),
    folded('All of it', plainTable('Critical path', ['operation', 'stream', {text: 'time', number: true}, {text: 'of the step', number: true}, {text: 'tasks', number: true}, 'busiest link'],
      path.map((entry) => [words(entry.op), entry.kind, numeric(seconds(entry.seconds)), numeric(percent(entry.share)), numeric(count(entry.count)), entry.link ?? '']))));
};

const spreadCard = (report) => {
  const samples = report.runs?.samples_s;
  if (!samples || samples.length < 2) return null;
  return card('Step time over seeds', {note: `${samples.length} seeds; all other figures are of the run in the middle.`},
    chart('Step time of each seed', 200, () => ({
      grid: {left: 8, right: 16, top: 30, bottom: 24, containLabel: true},
      tooltip: {trigger: 'item', formatter: ({value}) => `seed ${value[0]}: ${seconds(value[1], 4)}`},
      xAxis: {type: 'value', name: 'seed', nameLocation: 'middle', nameGap: 22, minInterval: 1}, yAxis: {type: 'value', scale: true, name: 'step time, s'},
      series: [{type: 'scatter', symbolSize: 8, data: samples.map((value, index) => [(report.runs.first_seed ?? 1) + index, value])}],
      patterns: false,
    })));
};

const simulationCard = (report) => {
  const facts = report.simulation ?? {};
  if (!report.simulation) return null;
  const rows = [['simulated', facts.folded || 'all ranks'], ['fidelity', report.fidelity], ['kernels and transfers', count(facts.tasks)],
    ['transfers', count(facts.transfers)], ['of these contended', count(facts.contended_transfers)], ['seed', String(report.seed ?? '')], ['faults', report.faults || 'none'],
    ['model', report.model ? `${report.model.name}: ${count(report.model.parameters_total)} parameters, ${count(report.model.parameters_active)} active` : ''],
    ['versions', `moesim ${report.moesim_version ?? '?'}, SimGrid ${report.simgrid_version ?? '?'}`]];
  return card('The simulation', {wide: true}, plainTable('Facts of the simulation', ['fact', 'value'], rows.filter(([, value]) => value)));
};

export const runView = (report, extras = {}) => {
  const cards = [breakdownCard(report), pipelineCard(report), ...timelineCards(extras.timeline, report), memoryCard(report), criticalCard(report),
    resourcesCard(report), overloadCard(report), spreadCard(report), ...explanationCards(extras.explanation), simulationCard(report),
    scenarioCard(report, extras)];
  return make('div', {}, report.step_time_s === undefined ? null : headline(report), make('div', {class: 'grid'}, cards.filter(Boolean)));
};
