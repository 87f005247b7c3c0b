// Many runs: which are best, how they scale, what was rejected. A row opens its run.
import {count, number, percent, seconds, tick, words} from './format.js';
import {card, choice, make} from './dom.js';
import {chart, ink, kColours} from './charts.js';
import {filled, memoryVerdict} from './run.js';

const kRowsShown = 200;
const kSymbols = ['circle', 'rect', 'triangle', 'diamond', 'pin', 'arrow', 'roundRect', 'emptyCircle'];

const numberOf = (text) => (text !== '' && text !== undefined && Number.isFinite(Number(text)) ? Number(text) : null);

// Metrics of a run: value from its report, how it reads, which way is better.
const kMetrics = [
  {key: 'step_time_s', name: 'step time', of: (report) => report.step_time_s, format: (value) => seconds(value, 4), better: -1},
  {key: 'tokens_per_s', name: 'tokens/s', of: (report) => report.tokens_per_s, format: (value) => count(value), better: 1},
  {key: 'tokens_per_s_per_device', name: 'tokens/s/device', of: (report) => report.tokens_per_s_per_device, format: (value) => count(value), better: 1},
  {key: 'tflops_per_device', name: 'TFLOP/s/device', of: (report) => report.tflops_per_device, format: (value) => number(value, 3), better: 1},
  {key: 'mfu', name: 'MFU', of: (report) => report.mfu, format: (value) => percent(value), better: 1},
  {key: 'memory', name: 'memory', of: (report) => (report.memory?.length ? Math.max(...report.memory.map(filled)) : null), format: (value) => percent(value, 0), better: -1},
  {key: 'overload_factor', name: 'overload', of: (report) => report.overload_factor, format: (value) => number(value, 3), better: -1},
  {key: 'devices', name: 'devices', of: (report) => report.devices, format: (value) => count(value), better: -1},
];
const metric = (key) => kMetrics.find((one) => one.key === key);

const waitsFor = (report) => {
  const [part] = Object.entries(report.breakdown_s ?? {}).filter(([key]) => key !== 'compute').sort((a, b) => b[1] - a[1]);
  return part && part[1] > 0 ? `${words(part[0]).replace('exposed ', '')} ${percent(part[1] / report.step_time_s, 0)}` : '';
};

// One line per run with everything that is sorted, filtered and drawn.
const linesOf = (study) => study.runs.map((run, index) => {
  const report = run.report ?? null;
  const line = {index, name: run.name, status: run.status, message: run.message ?? '', set: run.set ?? {}, done: Boolean(report), values: {}};
  if (report) {
    for (const one of kMetrics) line.values[one.key] = one.of(report);
    line.verdict = memoryVerdict(report)?.text ?? '';
    line.waits = waitsFor(report);
  }
  line.haystack = [run.name, run.status, line.verdict, line.waits, line.message, ...Object.entries(line.set).map(([key, value]) => `${key}=${value}`)].join(' ').toLowerCase();
  return line;
});

const valueOf = (line, key) => (key in line.set ? numberOf(line.set[key]) ?? line.set[key] : line.values[key] ?? line[key]);

// "ep=16 mfu>0.3 tight": words that must occur, and comparisons with a key, of which the last part is enough.
const matcher = (query, keys) => {
  const tests = query.trim().toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const [, name, sign, value] = word.match(/^([\w.]+)(<=|>=|!=|=|<|>)(.+)$/) ?? [];
    const key = name && (keys.find((one) => one.toLowerCase() === name) ?? keys.find((one) => one.toLowerCase().split('.').pop() === name));
    if (!key) return (line) => line.haystack.includes(word);
    return (line) => {
      const have = valueOf(line, key);
      if (have === undefined || have === null) return false;
      const want = numberOf(value.replace(/%$/, '')), scale = value.endsWith('%') ? 0.01 : 1;
      if (want === null || typeof have !== 'number') return (String(have).toLowerCase() === value) === (sign !== '!=') && ['=', '!='].includes(sign);
      const bar = want * scale;
      return {'=': have === bar, '!=': have !== bar, '<': have < bar, '>': have > bar, '<=': have <= bar, '>=': have >= bar}[sign];
    };
  });
  return (line) => tests.every((test) => test(line));
};

const columnsOf = (study, lines) => [
  {key: 'name', name: 'run', text: (line) => line.name},
  ...study.keys.map((key) => ({key, name: key, text: (line) => line.set[key] ?? '', number: lines.every((line) => numberOf(line.set[key]) !== null || !line.set[key])})),
  ...kMetrics.filter((one) => lines.some((line) => typeof line.values[one.key] === 'number')).map((one) => ({...one, number: true, text: (line) => (line.done ? one.format(line.values[one.key]) : '')})),
  {key: 'verdict', name: 'fits', text: (line) => line.verdict ?? ''},
  {key: 'waits', name: 'waits most for', text: (line) => line.waits ?? ''},
  ...(lines.some((line) => !line.done) ? [{key: 'status', name: 'status', text: (line) => (line.done ? 'done' : `${line.status}: ${line.message}`)}] : []),
];

const runsTable = (study, lines, {state, open, onfilter}) => {
  const columns = columnsOf(study, lines);
  const body = make('tbody');
  const status = make('span', {role: 'status', class: 'choice'});
  const more = make('button', {type: 'button', onclick: () => { state.shown = Infinity; fill(); }}, 'show all');
  const heads = columns.map((column) => make('th', {scope: 'col', class: column.number ? 'number' : undefined},
    make('button', {type: 'button', onclick: () => {
      state.down = state.sort === column.key ? !state.down : column.better === 1;
      state.sort = column.key;
      fill();
    }}, column.name)));
  const fill = () => {
    const keep = matcher(state.query, [...study.keys, ...kMetrics.map((one) => one.key), 'status', 'verdict']);
    const kept = lines.filter(keep).sort((a, b) => {
      const [x, y] = [valueOf(a, state.sort), valueOf(b, state.sort)];
      const missing = (value) => value === undefined || value === null || value === '';
      if (missing(x) || missing(y)) return missing(x) - missing(y) || a.index - b.index;
      const order = typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), 'en', {numeric: true});
      return (state.down ? -order : order) || a.index - b.index;
    });
    columns.forEach((column, index) => heads[index].setAttribute('aria-sort', column.key !== state.sort ? 'none' : state.down ? 'descending' : 'ascending'));
    body.replaceChildren(...kept.slice(0, state.shown).map((line) => make('tr', {'data-run': line.index, onclick: () => line.done && open(line.index)}, columns.map((column, index) =>
      (index === 0 ? make('th', {scope: 'row', title: line.name}, line.done ? make('a', {href: `#run=${encodeURIComponent(line.name)}`}, line.name) : line.name)
        : make('td', {class: column.number ? 'number' : undefined}, column.text(line)))))));
    status.textContent = `${kept.length} of ${lines.length} runs${kept.length > state.shown ? `, ${state.shown} shown` : ''}`;
    more.hidden = kept.length <= state.shown;
    onfilter(kept);
  };
  const find = make('input', {type: 'search', value: state.query, placeholder: 'filter, as in: ep=16 mfu>30% fits', 'aria-label': 'Filter runs', oninput: (event) => {
    state.query = event.target.value;
    fill();
  }});
  return {fill, element: card('Runs', {wide: true, note: 'Click a heading to sort, a row to open its run. The filter takes words and comparisons with any column.'},
    make('div', {class: 'bar'}, find, status, more),
    make('div', {class: 'scroll runs', tabindex: '0', role: 'region', 'aria-label': 'Runs'}, make('table', {}, make('thead', {}, make('tr', {}, heads)), body)))};
};

const distinct = (lines, key) => [...new Set(lines.map((line) => valueOf(line, key)).filter((value) => value !== undefined && value !== null && value !== ''))];
const isNumeric = (lines, key) => distinct(lines, key).length > 1 && distinct(lines, key).every((value) => typeof value === 'number');

const best = (lines, y) => lines.reduce((most, line) => (most === null || y.better * line.values[y.key] > y.better * most.values[y.key] ? line : most), null);

// The best run of each x and group, joined by lines; beside them what a perfect scaling from the first would be.
const scalingSeries = (lines, x, y, group) => {
  const groups = group === '' ? [''] : distinct(lines, group).sort((a, b) => (a > b ? 1 : -1));
  return groups.slice(0, 12).flatMap((name, index) => {
    const of = lines.filter((line) => group === '' || valueOf(line, group) === name);
    const points = distinct(of, x).sort((a, b) => a - b).map((at) => best(of.filter((line) => valueOf(line, x) === at && typeof line.values[y.key] === 'number'), y)).filter(Boolean);
    if (points.length === 0) return [];
    const colour = kColours[index % kColours.length];
    const series = [{name: group === '' ? y.name : `${group.split('.').pop()} ${name}`, type: 'line', symbol: kSymbols[index % kSymbols.length], symbolSize: 9, itemStyle: {color: colour}, lineStyle: {color: colour, width: 2},
      data: points.map((line) => ({value: [valueOf(line, x), line.values[y.key]], run: line.index, name: line.name}))}];
    const ideal = {tokens_per_s: (ratio) => ratio, step_time_s: (ratio) => 1 / ratio, tokens_per_s_per_device: () => 1, tflops_per_device: () => 1, mfu: () => 1}[y.key];
    if (ideal && /gpus|devices|wafers/.test(x) && points.length > 1) {
      const first = [valueOf(points[0], x), points[0].values[y.key]];
      series.push({name: 'ideal', type: 'line', symbol: 'none', silent: true, itemStyle: {color: colour}, lineStyle: {color: colour, type: 'dotted', width: 1.5},
        data: points.map((line) => [valueOf(line, x), first[1] * ideal(valueOf(line, x) / first[0])])});
    }
    return series;
  });
};

const chartWithChoices = (title, note, height, choices, options, open) => {
  const box = chart(title, height, options, {ready: (drawn) => drawn.on('click', ({data}) => data?.run !== undefined && open(data.run))});
  return {box, element: card(title, {note}, make('div', {class: 'bar'}, choices(() => box.update())), box)};
};

const scalingCard = (study, get, all, open) => {
  const axes = [...study.keys, 'devices'].filter((key) => isNumeric(all, key));
  if (axes.length === 0) return null;
  const state = {x: axes.find((key) => /gpus|devices|wafers/.test(key)) ?? axes.slice().sort((a, b) => distinct(all, b).length - distinct(all, a).length)[0], y: 'tokens_per_s', group: ''};
  const groups = study.keys.filter((key) => key !== state.x && distinct(all, key).length > 1);
  state.group = groups.find((key) => distinct(all, key).length <= 8) ?? '';
  return chartWithChoices('How it scales', 'The best run at each point; dotted: ideal scaling from the first. Click a point to open its run.', 380, (changed) => [
    choice('x', axes.map((key) => [key, key]), state.x, (value) => { state.x = value; changed(); }),
    choice('y', kMetrics.map((one) => [one.key, one.name]), state.y, (value) => { state.y = value; changed(); }),
    choice('by', [['', 'nothing'], ...groups.map((key) => [key, key])], state.group, (value) => { state.group = value; changed(); })], () => {
    const y = metric(state.y), log = ['tokens_per_s', 'step_time_s'].includes(state.y);
    const series = scalingSeries(get().filter((line) => line.done), state.x, y, state.group === state.x ? '' : state.group);
    const at = distinct(get(), state.x).filter((value) => value > 0);
    const wide = at.length > 1 && Math.max(...at) / Math.min(...at) >= 8;
    return {grid: {left: 8, right: 24, top: 40, bottom: 34, containLabel: true},
      legend: {top: 0, type: 'scroll', data: [...new Set(series.map((one) => one.name))]},
      tooltip: {trigger: 'item', confine: true, formatter: ({data, seriesName}) => `${data.name ?? seriesName}<br>${state.x} ${data.value[0]}: ${y.format(data.value[1])}`},
      xAxis: {type: wide ? 'log' : 'value', logBase: 2, scale: true, name: state.x, nameLocation: 'middle', nameGap: 24},
      yAxis: {type: log && wide ? 'log' : 'value', scale: true, name: y.name, axisLabel: {formatter: (value) => tick(y.format(value))}},
      series, patterns: false};
  }, open);
};

// Runs that no other run beats in both.
const frontier = (lines, x, y) => {
  const sorted = lines.slice().sort((a, b) => x.better * (b.values[x.key] - a.values[x.key]) || y.better * (b.values[y.key] - a.values[y.key]));
  const kept = [];
  for (const line of sorted)
    if (kept.length === 0 || y.better * line.values[y.key] > y.better * kept[kept.length - 1].values[y.key]) kept.push(line);
  return kept;
};

const paretoCard = (study, get, all, open) => {
  const shown = kMetrics.filter((one) => distinct(all, one.key).length > 1);
  if (shown.length < 2) return null;
  const state = {x: shown.some((one) => one.key === 'devices') ? 'devices' : shown.some((one) => one.key === 'memory') ? 'memory' : shown[1].key, y: 'step_time_s'};
  return chartWithChoices('Pareto front', 'Runs on the line are beaten in neither of the two by any other. Click a point to open its run.', 380, (changed) => [
    choice('x', shown.map((one) => [one.key, one.name]), state.x, (value) => { state.x = value; changed(); }),
    choice('y', shown.map((one) => [one.key, one.name]), state.y, (value) => { state.y = value; changed(); })], () => {
    const x = metric(state.x), y = metric(state.y);
    const lines = get().filter((line) => line.done && typeof line.values[x.key] === 'number' && typeof line.values[y.key] === 'number');
    const front = frontier(lines, x, y);
    const point = (line) => ({value: [line.values[x.key], line.values[y.key]], run: line.index, name: line.name});
    return {grid: {left: 8, right: 24, top: 40, bottom: 34, containLabel: true}, legend: {top: 0},
      tooltip: {trigger: 'item', confine: true, formatter: ({data}) => `${data.name}<br>${x.name}: ${x.format(data.value[0])}<br>${y.name}: ${y.format(data.value[1])}`},
      xAxis: {type: 'value', scale: true, name: x.name, nameLocation: 'middle', nameGap: 24, axisLabel: {formatter: (value) => tick(x.format(value)), hideOverlap: true}},
      yAxis: {type: 'value', scale: true, name: y.name, axisLabel: {formatter: (value) => tick(y.format(value))}},
      series: [{name: 'runs', type: 'scatter', symbolSize: 7, itemStyle: {color: kColours[4], opacity: 0.75}, data: lines.map(point)},
        {name: 'front', type: 'line', symbol: 'diamond', symbolSize: 11, itemStyle: {color: ink().accent}, lineStyle: {color: ink().accent, width: 2}, data: front.map(point)}],
      patterns: false};
  }, open);
};

const parallelCard = (study, get, all) => {
  const keys = [...study.keys.filter((key) => distinct(all, key).length > 1), ...['memory', 'mfu', 'step_time_s'].filter((key) => distinct(all, key).length > 1)];
  if (keys.length < 3) return null;
  const title = 'All settings at once';
  return {box: null, element: card(title, {wide: true, note: 'A line is a run, its colour the step time: dark is fast. Drag along an axis to keep only part of it.'},
    chart(title, 340, () => {
      const lines = get().filter((line) => line.done);
      const times = lines.length > 0 ? lines.map((line) => line.values.step_time_s) : [0, 1];
      return {parallel: {left: 50, right: 90, top: 40, bottom: 20, parallelAxisDefault: {nameTextStyle: {color: ink().text}, nameGap: 14}},
        tooltip: {trigger: 'item', confine: true, formatter: ({name}) => name},
        parallelAxis: keys.map((key, dim) => {
          const one = metric(key);
          const axis = {dim, name: one?.name ?? key.split('.').pop(), axisLabel: {color: ink().text}, axisLine: {lineStyle: {color: ink().faint}}, axisTick: {lineStyle: {color: ink().faint}}};
          if (one) return {...axis, type: 'value', scale: true, axisLabel: {...axis.axisLabel, formatter: (value) => tick(one.format(value))}};
          return {...axis, type: 'category', data: distinct(all, key).sort((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b)))).map(String)};
        }),
        visualMap: {show: true, right: 0, top: 'middle', dimension: keys.indexOf('step_time_s'), min: Math.min(...times), max: Math.max(...times), text: ['slow', 'fast'], textStyle: {color: ink().text}, itemWidth: 12, itemHeight: 120,
          calculable: false, formatter: (value) => seconds(value), inRange: {color: ['#08204d', '#2c7fb8', '#7fcdbb', '#d9b44a']}},
        series: [{type: 'parallel', lineStyle: {width: 1.4, opacity: lines.length > 300 ? 0.25 : 0.6}, data: lines.map((line) => ({name: line.name, value: keys.map((key) => (metric(key) ? line.values[key] : String(valueOf(line, key) ?? '')))}))}],
        patterns: false};
    }, {renderer: 'canvas'}))};
};

const rejectedCard = (study) => {
  const reasons = Object.entries(study.rejected ?? {}).sort((a, b) => b[1] - a[1]);
  if (reasons.length === 0) return null;
  const total = reasons.reduce((sum, [, times]) => sum + times, 0);
  const counts = Object.entries(study.counts ?? {}).map(([name, value]) => `${count(value)} ${name}`).join(', ');
  return card('Rejected, by reason', {wide: true, note: counts || `${count(total)} in all`},
    chart('Rejected, by reason', Math.max(80, 40 + 26 * reasons.length), () => ({
      grid: {left: 8, right: 70, top: 4, bottom: 24, containLabel: true},
      tooltip: {trigger: 'item', confine: true, formatter: ({name, value}) => `${name}: ${count(value)} (${percent(value / total)})`},
      xAxis: {type: 'value', minInterval: 1, axisLabel: {formatter: (value) => tick(count(value)), hideOverlap: true}},
      yAxis: {type: 'category', inverse: true, data: reasons.map(([reason]) => reason), axisTick: {show: false}, axisLabel: {width: 520, overflow: 'truncate'}},
      series: [{type: 'bar', barMaxWidth: 18, itemStyle: {color: kColours[5]}, data: reasons.map(([, times]) => times), label: {show: true, position: 'right', color: ink().text, formatter: ({value}) => count(value)}}],
      patterns: false,
    })));
};

const bestFigures = (study, lines) => {
  const done = lines.filter((line) => line.done);
  const fitting = done.filter((line) => line.verdict !== 'out of memory');
  const fast = best(fitting, metric('tokens_per_s'));
  const used = best(fitting, metric('mfu'));
  const entry = (name, value, small) => make('div', {}, make('dt', {}, name), make('dd', {}, value, make('small', {}, small)));
  return make('dl', {class: 'figures'},
    entry('runs', count(lines.length), `${done.length} done${lines.length > done.length ? `, ${lines.length - done.length} not` : ''}`),
    entry('that fit in memory', count(fitting.length), `of ${done.length}`),
    fast ? entry('most tokens/s', count(fast.values.tokens_per_s), fast.name) : null,
    used ? entry('best MFU', percent(used.values.mfu), used.name) : null);
};

export const studyView = (study, open, state) => {
  const lines = linesOf(study);
  let kept = lines;
  const get = () => kept;
  const cards = [scalingCard(study, get, lines, open), paretoCard(study, get, lines, open)].filter(Boolean);
  const parallel = parallelCard(study, get, lines);
  const charts = make('div', {class: 'grid'}, cards.map((one) => one.element), rejectedCard(study), parallel?.element);
  let pending = 0;
  const table = runsTable(study, lines, {state, open, onfilter: (now) => {
    kept = now;
    clearTimeout(pending);
    pending = setTimeout(() => charts.querySelectorAll('.chart').forEach((box) => box.update?.()), 80);
  }});
  table.fill();
  return make('div', {}, bestFigures(study, lines), charts, make('div', {class: 'grid'}, table.element));
};

export const freshState = () => ({query: '', sort: 'step_time_s', down: false, shown: kRowsShown});
