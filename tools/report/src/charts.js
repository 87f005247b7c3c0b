// Charts that follow the page's theme and width, and print in light. Everything that draws is
// ECharts; what is registered here is what the bundle holds of it.
import {BarChart, CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart} from 'echarts/charts';
import {AriaComponent, DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent, ParallelComponent, TooltipComponent,
  VisualMapComponent} from 'echarts/components';
import * as echarts from 'echarts/core';
import {CanvasRenderer, SVGRenderer} from 'echarts/renderers';
import {make} from './dom.js';

echarts.use([BarChart, CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart, AriaComponent, DataZoomComponent, GridComponent,
  LegendComponent, MarkLineComponent, ParallelComponent, TooltipComponent, VisualMapComponent, CanvasRenderer, SVGRenderer]);

export const clip = (shape, box) => echarts.graphic.clipRectByRect(shape, box);

// Okabe and Ito's colours (https://jfly.uni-koeln.de/color/), told apart with any colour vision; greys for what is idle.
export const kColours = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#b8a800', '#8c6bb1'];
export const kIdle = '#9a9a9a';
export const kPart = {
  compute: '#0072b2', exposed_ep: '#d55e00', exposed_tp: '#e69f00', exposed_cp: '#b8a800', exposed_dp: '#009e73', exposed_pp: '#56b4e9',
  exposed_stream: '#cc79a7', bubble: kIdle, optimizer: '#8c6bb1', other: '#c8c8c8',
  forward: '#0072b2', backward: '#e69f00', weight_gradient: '#009e73', overlapped: '#cc79a7',
  ep: '#d55e00', tp: '#e69f00', cp: '#b8a800', dp: '#009e73', pp: '#56b4e9', copy: '#cc79a7',
};

const alive = new Set();
let printing = false;

export const isDark = () => {
  if (printing) return false;
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
};

export const ink = () => (isDark() ? {text: '#e4e6ea', faint: '#a9b0ba', line: '#3a414b', back: '#1b1f25', accent: '#ffb000'}
  : {text: '#1d2129', faint: '#555d68', line: '#d8dce2', back: '#ffffff', accent: '#b30000'});

const axisInk = (colours) => ({
  axisLine: {lineStyle: {color: colours.line}}, axisTick: {lineStyle: {color: colours.line}}, axisLabel: {color: colours.text},
  nameTextStyle: {color: colours.faint}, splitLine: {lineStyle: {color: colours.line}},
});

const theme = () => {
  const colours = ink();
  const axis = axisInk(colours);
  return {
    color: kColours, backgroundColor: 'transparent', textStyle: {color: colours.text, fontFamily: getComputedStyle(document.body).fontFamily},
    legend: {textStyle: {color: colours.text}, pageTextStyle: {color: colours.text}, inactiveColor: colours.faint},
    tooltip: {backgroundColor: colours.back, borderColor: colours.line, textStyle: {color: colours.text}},
    categoryAxis: axis, valueAxis: axis, logAxis: axis,
    parallel: {}, parallelAxis: axis,
  };
};

class Chart {
  constructor(box, options, {renderer, ready}) {
    Object.assign(this, {box, options, renderer, ready});
    alive.add(this);
    this.draw();
  }

  draw() {
    if (this.chart) this.chart.dispose();
    this.chart = echarts.init(this.box, theme(), {renderer: this.renderer});
    this.chart.setOption(this.complete(this.options()));
    if (this.ready) this.ready(this.chart);
  }

  complete(option) {
    return {animation: false, aria: {enabled: true, decal: {show: option.patterns !== false}}, ...option};
  }

  update() {
    this.chart.setOption(this.complete(this.options()), {notMerge: true});
  }

  close() {
    alive.delete(this);
    this.chart.dispose();
  }
}

// Returns an element that draws itself when it comes into the page. `options` is called again when the theme changes.
export const chart = (label, height, options, {renderer = 'svg', ready} = {}) => {
  const box = make('div', {class: 'chart', style: `height:${height}px`, role: 'img', 'aria-label': label});
  box.draw = () => {
    if (!box.chart) box.chart = new Chart(box, options, {renderer, ready});
    box.setAttribute('aria-label', label);
  };
  box.update = () => box.chart?.update();
  return box;
};

export const drawAll = (root) => root.querySelectorAll('.chart').forEach((box) => box.draw?.());
export const closeAll = (root) => root.querySelectorAll('.chart').forEach((box) => { box.chart?.close(); box.chart = null; });

const redraw = () => alive.forEach((one) => one.draw());
export const themeChanged = redraw;

let pending = 0;
addEventListener('resize', () => {
  cancelAnimationFrame(pending);
  pending = requestAnimationFrame(() => alive.forEach((one) => one.chart.resize()));
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
addEventListener('beforeprint', () => { printing = true; redraw(); });
addEventListener('afterprint', () => { printing = false; redraw(); });
