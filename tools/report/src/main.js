// The page: reads what moesim put into it, shows a run or a study, and follows #run=NAME.
import {make} from './dom.js';
import {closeAll, drawAll, isDark, themeChanged} from './charts.js';
import {runView} from './run.js';
import {capacityView} from './capacity.js';
import {freshState, studyView} from './study.js';

const unpacked = async (element) => {
  if (element.type === 'application/json') return JSON.parse(element.textContent);
  const packed = Uint8Array.from(atob(element.textContent.trim()), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).json();
};

// Settings that are equal in several runs of a study are kept once; a run has their number.
const completed = (data, run) => {
  const shared = Object.entries(data.variants ?? {}).filter(([section]) => Number.isInteger(run.report?.[section]));
  return {...run.report, ...Object.fromEntries(shared.map(([section, variants]) => [section, variants[run.report[section]]]))};
};

const start = async () => {
  const data = await unpacked(document.getElementById('moesim-data'));
  const main = document.querySelector('main'), heading = document.querySelector('h1'), sub = document.querySelector('.sub'), back = document.getElementById('back');
  const state = freshState();
  const alone = data.runs.length === 1 && !data.study;

  const show = (title, line, view, isRun) => {
    closeAll(main);
    heading.textContent = title;
    document.title = `${title} – moesim`;
    sub.textContent = line;
    back.hidden = !isRun || alone;
    main.replaceChildren(view);
    drawAll(main);
  };
  const open = (index) => { location.hash = `run=${encodeURIComponent(data.runs[index].name)}`; };
  let last = null;
  const route = () => {
    if (location.hash === '#content' && last !== null) return;
    const name = location.hash.startsWith('#run=') ? decodeURIComponent(location.hash.slice(5)) : null;
    const run = alone ? data.runs[0] : data.runs.find((one) => one.name === name && one.report);
    if (run) {
      const report = completed(data, run);
      const extras = {set: run.set, timeline: run.timeline, explanation: run.explanation, scenario: run.scenario, scenarioNote: run.scenario_note};
      show(alone ? data.title : run.name, [report.model?.name, report.devices && `${report.devices} × ${report.platform?.name ?? 'device'}`, report.plan && planLine(report.plan, report.batch)].filter(Boolean).join('  ·  '),
        runView(report, extras), true);
      if (last !== null || !alone) scrollTo(0, 0);
      if (last !== null) heading.focus();
      last = run.name;
      return;
    }
    if (data.capacity) {
      show(data.title, `${data.capacity.rows.length} plans from ${data.made_from}`, capacityView(data.capacity), false);
      return;
    }
    show(data.title, `${data.runs.length} runs from ${data.made_from}`, studyView(data, open, state), false);
    if (last !== null) {
      const row = main.querySelector(`tr[data-run="${data.runs.findIndex((one) => one.name === last)}"]`);
      row?.querySelector('a')?.focus({preventScroll: true});
      row?.scrollIntoView({block: 'center'});
    }
    last = last ?? '';
  };

  document.querySelector('footer').textContent = `Made by moesim ${data.moesim_version} from ${data.made_from}. Charts: Apache ECharts (Apache-2.0). This page needs no network.`;
  back.addEventListener('click', () => { location.hash = ''; });
  document.getElementById('theme').addEventListener('click', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    themeChanged();
  });
  addEventListener('hashchange', route);
  route();
  document.documentElement.dataset.ready = 'yes';
};

const planLine = (plan, batch) => [['TP', plan.tp], ['PP', plan.pp], ['VPP', plan.vpp], ['CP', plan.cp], ['EP', plan.ep], ['ETP', plan.etp]].filter(([, size]) => size > 1).map(([name, size]) => `${name} ${size}`)
  .concat(plan.schedule ? [plan.schedule] : [], plan.precision ? [plan.precision] : [], batch ? [`global batch ${batch.global_batch} × ${batch.sequence_length} tokens`] : []).join(', ');

start().catch((error) => {
  document.querySelector('main').replaceChildren(make('p', {class: 'bad', role: 'alert'}, `This page cannot show its data: ${error.message}`));
  throw error;
});
