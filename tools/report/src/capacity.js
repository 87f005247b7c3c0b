// What `moesim capacity --format json` found: which machines reach the goal, how soon and for how much.
import {count, number, percent, tick, words} from './format.js';
import {card, make, plainTable} from './dom.js';
import {chart, ink, kColours} from './charts.js';

const kFormats = {mfu: percent, devices: count};
const shown = (key, value) => {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return (kFormats[key] ?? ((figure) => (Math.abs(figure) >= 1e4 ? count(figure) : number(figure, 4))))(value);
  return typeof value === 'object' ? Object.entries(value).map(([name, part]) => (Array.isArray(value) ? part : `${name}=${part}`)).join(' ') : String(value);
};
const nameOf = (row) => `${row.devices} × ${row.platform}`;

const frontCard = (title, rows, y) => {
  const of = rows.filter((row) => typeof row.days === 'number' && typeof row[y] === 'number');
  if (of.length < 2) return null;
  const platforms = [...new Set(of.map((row) => row.platform))];
  const front = [];
  for (const row of of.slice().sort((a, b) => a.days - b.days || a[y] - b[y])) if (front.length === 0 || row[y] < front[front.length - 1][y]) front.push(row);
  const point = (row) => ({value: [row.days, row[y]], name: nameOf(row)});
  return card(title, {note: 'Plans on the line are beaten in neither by any other.'}, chart(title, 360, () => ({
    grid: {left: 8, right: 24, top: 40, bottom: 34, containLabel: true}, legend: {top: 0},
    tooltip: {trigger: 'item', confine: true, formatter: ({data}) => `${data.name}<br>${number(data.value[0], 3)} days, ${words(y)} ${shown(y, data.value[1])}`},
    xAxis: {type: 'value', scale: true, name: 'days', nameLocation: 'middle', nameGap: 24}, yAxis: {type: 'value', scale: true, name: words(y), axisLabel: {formatter: (value) => tick(shown(y, value))}},
    series: [{name: 'front', type: 'line', symbol: 'none', lineStyle: {color: ink().accent}, itemStyle: {color: ink().accent}, data: front.map(point)},
      ...platforms.map((platform, index) => ({name: platform, type: 'scatter', symbol: ['circle', 'rect', 'triangle', 'diamond'][index % 4], symbolSize: 11, itemStyle: {color: kColours[index % kColours.length]},
        data: of.filter((row) => row.platform === platform).map(point)}))],
    patterns: false,
  })));
};

export const capacityView = (capacity) => {
  const rows = capacity.rows ?? [];
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const numeric = (key) => rows.every((row) => typeof row[key] === 'number' || row[key] === null || row[key] === undefined);
  return make('div', {}, make('div', {class: 'grid'}, frontCard('Days and cost', rows, 'cost'), frontCard('Days and energy', rows, 'energy_mwh'),
    card('All plans', {wide: true}, plainTable('All plans', keys.map((key) => ({text: words(key), number: numeric(key)})),
      rows.map((row) => keys.map((key) => (numeric(key) ? {text: shown(key, row[key]), number: true} : shown(key, row[key]))))))));
};
