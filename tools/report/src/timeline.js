// The timeline of a run: slices of ranks and streams, what they held in memory, how busy their NICs were.
import {axisOf, bytes, number, seconds} from './format.js';
import {card, choice, make} from './dom.js';
import {chart, clip, ink, kColours, kPart} from './charts.js';

const kRowHeight = 24;
const kMostRows = 24; // drawn before the reader has chosen
const kKnown = {forward: kPart.forward, backward: kPart.backward, optimizer: kPart.optimizer, 'gradient reduce': kPart.exposed_dp,
  'parameter gather': '#cc79a7', attention: '#0072b2', 'expert fc1': '#56b4e9', 'expert fc2': '#009e73', 'send activations': kPart.exposed_pp, dispatch: kPart.exposed_ep, combine: '#e69f00'};

// "L12 attention backward" and "backward mb3 chunk 1" as what they have in common with others.
const kindOf = (name) => name.replace(/^L\d+ /, '').replace(/ mb\d+/, '').replace(/ chunk \d+/, '').replace(/ (backward|weight gradient|recompute)$/, '');
const shortOf = (name) => name.replace(/^(forward|backward) mb/, '').replace(/ chunk /, '·').replace(/^L(\d+) /, '$1 ');

// Times of a counter since the beginning, in place of gaps.
const summed = (counter) => {
  const points = Float64Array.from(counter.points);
  for (let i = 2; i < points.length; i += 2) points[i] += points[i - 2];
  return {...counter, points};
};

// Columns instead of objects: a timeline has up to hundreds of thousands of slices.
const unpack = (timeline) => {
  const kinds = new Map();
  const kindOfName = timeline.names.map((name) => {
    const kind = kindOf(name);
    if (!kinds.has(kind)) kinds.set(kind, {name: kind, time: 0});
    return kinds.get(kind);
  });
  const tracks = timeline.tracks.map(({process, thread, slices}) => {
    const size = slices.length / 3;
    const start = new Float64Array(size), end = new Float64Array(size), name = new Uint32Array(size);
    let at = 0; // in nanoseconds; slices have the gap to the one before
    for (let i = 0; i < size; ++i) {
      at += slices[3 * i];
      start[i] = at / 1e9;
      at += slices[3 * i + 1];
      end[i] = at / 1e9;
      name[i] = slices[3 * i + 2];
      kindOfName[name[i]].time += end[i] - start[i];
    }
    return {process, thread, start, end, name};
  });
  const order = [...kinds.values()].sort((a, b) => b.time - a.time);
  const free = [...kColours, '#5b6cb8', '#7aa95c', '#c44e6c', '#3b8ea5', '#a67c52'].filter((colour) => !order.some((kind) => kKnown[kind.name] === colour));
  for (const kind of order) kind.colour = kKnown[kind.name] ?? free.shift() ?? '#7d8794';
  return {tracks, kindOfName, kinds: order, names: timeline.names, end: timeline.end_ns / 1e9};
};

const firstAfter = (ends, time) => {
  let low = 0, high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low;
};

// The slices of a track between two times; those thinner than `least` that follow one another become one.
const visible = (track, row, from, to, least, kindOfName) => {
  const items = [];
  for (let i = firstAfter(track.end, from); i < track.start.length && track.start[i] < to; ++i) {
    const first = i;
    let busy = track.end[i] - track.start[i];
    let longest = i;
    if (busy < least) {
      while (i + 1 < track.start.length && track.end[i + 1] - track.start[first] < least) {
        ++i;
        const length = track.end[i] - track.start[i];
        busy += length;
        if (length > track.end[longest] - track.start[longest]) longest = i;
      }
    }
    items.push({value: [row, track.start[first], track.end[i], i - first + 1, track.name[longest], busy], itemStyle: {color: kindOfName[track.name[longest]].colour}});
  }
  return items;
};

const gantt = (data, chosen) => {
  const rows = () => data.tracks.filter((track) => chosen.processes.has(track.process));
  let window = [0, data.end];
  const items = (width) => rows().flatMap((track, row) => visible(track, row, window[0], window[1], (window[1] - window[0]) / Math.max(200, width), data.kindOfName));
  const drawSlice = (params, api) => {
    const row = api.value(0);
    const [x0, y] = api.coord([api.value(1), row]);
    const [x1] = api.coord([api.value(2), row]);
    const height = Math.min(18, api.size([0, 1])[1] * 0.78);
    const box = {x: params.coordSys.x, y: params.coordSys.y, width: params.coordSys.width, height: params.coordSys.height};
    const shape = clip({x: x0, y: y - height / 2, width: Math.max(0.6, x1 - x0), height}, box);
    if (!shape) return undefined;
    const colour = api.visual('color');
    const rect = {type: 'rect', shape, style: {fill: colour, stroke: shape.width > 3 ? ink().back : null, lineWidth: 0.5}};
    if (api.value(3) > 1 || shape.width < 18) return rect;
    const dark = ['#0072b2', '#d55e00', '#8c6bb1', '#009e73', '#7d8794'].includes(colour);
    return {type: 'group', children: [rect, {type: 'text', silent: true, style: {x: shape.x + 3, y: shape.y + shape.height / 2, text: shortOf(data.names[api.value(4)]), fill: dark ? '#fff' : '#111',
      font: '11px sans-serif', verticalAlign: 'middle', width: shape.width - 5, overflow: 'truncate', ellipsis: ''}}]};
  };
  const axis = axisOf(data.end, 'seconds');
  const box = chart('Timeline of ranks and streams', 96 + kRowHeight * rows().length, () => ({
    grid: {left: 8, right: 20, top: 28, bottom: 52, containLabel: true},
    tooltip: {trigger: 'item', confine: true, formatter: ({value}) => {
      const where = rows()[value[0]];
      const what = value[3] > 1 ? `${value[3]} slices, longest ${data.names[value[4]]}` : data.names[value[4]];
      return `${what}<br>${where.process}, ${where.thread}<br>${seconds(value[2] - value[1], 4)} from ${seconds(value[1], 5)}`;
    }},
    xAxis: {type: 'value', min: 0, max: data.end, position: 'top', name: axis.unit, axisLabel: {formatter: (value) => number(value / axis.size, 5).replace(/\.?0+$/, '') || '0', hideOverlap: true, showMaxLabel: false}},
    yAxis: {type: 'category', inverse: true, data: rows().map((track, index, all) => (index > 0 && all[index - 1].process === track.process ? track.thread : `${track.process.split(' · ').slice(0, 2).join(' · ')}  ${track.thread}`)),
      axisTick: {show: false}, axisLabel: {width: 230, overflow: 'truncate'}},
    dataZoom: [{type: 'inside', filterMode: 'none', startValue: window[0], endValue: window[1]},
      {type: 'slider', filterMode: 'none', startValue: window[0], endValue: window[1], height: 22, bottom: 8, showDataShadow: false, labelFormatter: (value) => seconds(value, 4)}],
    series: [{type: 'custom', renderItem: drawSlice, encode: {x: [1, 2], y: 0}, data: items(box.clientWidth), clip: true, progressive: 0}],
    patterns: false,
  }), {renderer: 'canvas', ready: (drawn) => {
    let pending = 0;
    drawn.on('datazoom', () => {
      cancelAnimationFrame(pending);
      pending = requestAnimationFrame(() => {
        const {startValue, endValue} = drawn.getOption().dataZoom[0];
        window = [startValue, endValue];
        drawn.setOption({series: [{data: items(box.clientWidth)}]});
      });
    });
  }});
  const zoom = (factor, shift) => {
    const width = Math.min(data.end, (window[1] - window[0]) * factor);
    const middle = (window[0] + window[1]) / 2 + shift * (window[1] - window[0]);
    const from = Math.min(Math.max(0, middle - width / 2), data.end - width);
    box.chart.chart.dispatchAction({type: 'dataZoom', startValue: from, endValue: from + width});
  };
  const keys = {'+': [0.5, 0], '=': [0.5, 0], '-': [2, 0], ArrowLeft: [1, -0.2], ArrowRight: [1, 0.2], 0: [1e9, 0]};
  return make('div', {tabindex: '0', role: 'group', 'aria-label': 'Timeline: plus and minus zoom, arrows move, 0 shows all', onkeydown: (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    zoom(...keys[event.key]);
  }}, box);
};

const ganttCard = (data) => {
  const processes = [...new Set(data.tracks.map((track) => track.process))];
  const rowsOf = (process) => data.tracks.filter((track) => track.process === process).length;
  const chosen = {processes: new Set()};
  let rows = 0;
  for (const process of processes) {
    if (chosen.processes.size > 0 && rows + rowsOf(process) > kMostRows) break;
    chosen.processes.add(process);
    rows += rowsOf(process);
  }
  const place = make('div');
  const fill = () => {
    place.querySelectorAll('.chart').forEach((box) => box.chart?.close());
    place.replaceChildren(gantt(data, chosen));
    if (place.isConnected) place.querySelectorAll('.chart').forEach((box) => box.draw());
  };
  const picker = choice('ranks', [['some', `the first ${chosen.processes.size}`], ['all', `all ${processes.length}`], ...processes.map((process) => [process, process])], 'some', (value) => {
    const some = new Set(chosen.first);
    chosen.processes = value === 'all' ? new Set(processes) : value === 'some' ? some : new Set([value]);
    fill();
  });
  chosen.first = [...chosen.processes];
  fill();
  const legend = make('div', {class: 'bar'}, picker, data.kinds.slice(0, 12).map((kind) => make('span', {class: 'key'}, make('i', {style: `background:${kind.colour}`}), kind.name)),
    data.kinds.length > 12 ? make('span', {class: 'key'}, make('i', {style: 'background:#7d8794'}), 'others') : null);
  return card('Timeline', {wide: true, note: 'Drag or scroll to zoom; with the keyboard plus, minus, arrows and 0. Numbers in blocks are microbatches.'}, legend, place);
};

const memoryCard = (timeline, report) => {
  const lines = timeline.counters.filter((counter) => counter.name === 'memory GB');
  if (lines.length === 0) return null;
  const end = timeline.end_ns / 1e9;
  const stage = report.memory?.[0];
  const reserve = stage?.reserve_bytes > 0 ? stage.capacity_bytes - stage.reserve_bytes : null;
  const outside = stage?.outside_bytes ?? 0;
  const marks = stage ? [{yAxis: (stage.capacity_bytes - outside) / 1e9, name: 'capacity'}, ...(reserve ? [{yAxis: (reserve - outside) / 1e9, name: 'reserve'}] : [])] : [];
  return card('Memory over time', {note: 'What each drawn rank’s stage holds, against capacity and reserve, both less what lies outside the allocator.'},
    chart('Memory over time', 320, () => ({
      grid: {left: 8, right: 16, top: 30, bottom: 30, containLabel: true},
      tooltip: {trigger: 'item', formatter: ({seriesName, value}) => `${seriesName}<br>${bytes(value[1] * 1e9)} from ${seconds(value[0], 4)}`},
      xAxis: {type: 'value', min: 0, max: end, name: 'seconds', nameLocation: 'middle', nameGap: 22, axisLabel: {showMaxLabel: false}},
      yAxis: {type: 'value', name: 'GB', max: marks.length ? ({max}) => Math.ceil(Math.max(max, marks[0].yAxis) * 1.05) : undefined},
      series: lines.map((line, index) => ({name: line.process, type: 'line', step: 'end', symbolSize: 5, showSymbol: false, triggerLineEvent: true, lineStyle: {width: 1.5, type: ['solid', 'dashed', 'dotted'][Math.floor(index / 8) % 3]},
        data: Array.from({length: line.points.length / 2}, (_, i) => [line.points[2 * i] / 1e9, line.points[2 * i + 1]]), sampling: line.points.length > 4000 ? 'max' : undefined,
        markLine: index === 0 && marks.length ? {symbol: 'none', silent: true, data: marks.map((mark) => ({yAxis: mark.yAxis, lineStyle: {color: ink().accent, type: mark.name === 'capacity' ? 'solid' : 'dashed'},
          label: {formatter: mark.name, color: ink().text, position: mark.name === 'capacity' ? 'insideEndTop' : 'insideEndBottom'}}))} : undefined})),
      patterns: false,
    }), {renderer: 'canvas'}));
};

// Mean of a step function over equal parts of the step.
const binned = (points, end, size) => {
  const bins = new Float64Array(size);
  for (let i = 0; i + 1 < points.length; i += 2) {
    const value = points[i + 1];
    if (!(value > 0)) continue;
    const from = points[i], to = Math.min(end, i + 2 < points.length ? points[i + 2] : end);
    for (let bin = Math.floor((from / end) * size); bin < size && (bin * end) / size < to; ++bin) {
      const overlap = Math.min(to, ((bin + 1) * end) / size) - Math.max(from, (bin * end) / size);
      if (overlap > 0) bins[bin] += (value * overlap * size) / end;
    }
  }
  return bins;
};

const heatCard = (timeline, counter) => {
  const lines = timeline.counters.filter((line) => line.name === counter && line.series === 'out');
  if (lines.length < 2) return null;
  const end = timeline.end_ns, size = 160;
  const data = [];
  let most = 0;
  lines.forEach((line, row) => binned(line.points, end, size).forEach((value, bin) => {
    most = Math.max(most, value);
    if (value > 0) data.push([bin, row, value]);
  }));
  const shown = lines.map((line) => line.process.split(' · ').slice(0, 2).join(' · '));
  return card(`${counter.replace(' GB/s', '')} throughput over time`, {note: 'GB/s that leave each drawn rank, mean over a 160th of the step.'},
    chart(`${counter} of each rank over time`, Math.max(180, 110 + 15 * lines.length), () => ({
      grid: {left: 8, right: 16, top: 8, bottom: 78, containLabel: true},
      tooltip: {trigger: 'item', formatter: ({value}) => `${shown[value[1]]}: ${number(value[2], 3)} GB/s at ${seconds(((value[0] + 0.5) * end) / size / 1e9)}`},
      xAxis: {type: 'category', data: Array.from({length: size}, (_, bin) => number(((bin + 0.5) * end) / size / 1e9, 3)), name: 'seconds', nameLocation: 'middle', nameGap: 22},
      yAxis: {type: 'category', inverse: true, data: shown, axisTick: {show: false}},
      visualMap: {min: 0, max: most, orient: 'horizontal', left: 'center', bottom: 0, itemHeight: 120, itemWidth: 12, precision: 1, text: [`${number(most, 3)} GB/s`, '0'], textStyle: {color: ink().text},
        inRange: {color: ['#f7fbff', '#9ecae1', '#4292c6', '#08519c', '#08204d']}},
      series: [{type: 'heatmap', data}],
      patterns: false,
    }), {renderer: 'canvas'}));
};

export const timelineCards = (timeline, report) => {
  if (!timeline) return [];
  const data = unpack(timeline);
  const lines = {counters: timeline.counters.map(summed), end_ns: timeline.end_ns};
  return [ganttCard(data), memoryCard(lines, report), heatCard(lines, 'NIC GB/s'), heatCard(lines, 'NVLink GB/s')];
};

