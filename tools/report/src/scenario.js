// The resolved scenario: as `moesim check` prints it, with where each value came from, or the settings that the result holds.
import {card, folded, make} from './dom.js';

const kSections = ['plan', 'batch', 'platform', 'routing', 'workload'];

const flat = (value, path, rows) => {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) flat(inner, path ? `${path}.${key}` : key, rows);
  } else {
    rows.push([path, JSON.stringify(value)?.replace(/^"|"$/g, '')]);
  }
  return rows;
};

// "  layers: 48      # workloads/x.yaml:5" as its two halves.
const lineOf = (line) => {
  const at = line.search(/\s+# /);
  return at < 0 || line.startsWith('#') ? [line, ''] : [line.slice(0, at), line.slice(at).trim().slice(2)];
};

const table = (caption, heads, rows) => {
  const body = make('tbody', {}, rows.map(([key, value, tone]) => make('tr', {class: tone}, make('td', {}, key), make('td', {}, value))));
  const find = make('input', {type: 'search', placeholder: 'find a key, value or origin', 'aria-label': `Find in ${caption}`, oninput: (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  }});
  return make('div', {}, make('div', {class: 'bar'}, find),
    make('div', {class: 'scroll scenario', tabindex: '0', role: 'region', 'aria-label': caption},
      make('table', {}, make('thead', {}, make('tr', {}, heads.map((head) => make('th', {scope: 'col'}, head)))), body)));
};

export const scenarioCard = (report, {scenario, scenarioNote, set}) => {
  const parts = [];
  if (set && Object.keys(set).length > 0)
    parts.push(make('p', {class: 'note'}, 'Set for this run: ', Object.entries(set).map(([key, value]) => `${key}=${value}`).join(', ')));
  if (scenario) {
    const rows = scenario.trimEnd().split('\n').map(lineOf).map(([text, origin]) => [text, origin, origin === 'default' ? 'default' : undefined]);
    parts.push(table('the scenario', ['key and value', 'from'], rows));
    return card('The scenario, and where each value came from', {wide: true, note: scenarioNote ?? ''}, ...parts);
  }
  const rows = kSections.flatMap((section) => (report[section] ? flat(report[section], section, []) : []));
  if (rows.length === 0) return null;
  parts.push(folded(`${rows.length} settings, in SI units`, table('the settings', ['key', 'value'], rows)));
  return card('The settings', {wide: true, note: scenarioNote ?? ''}, ...parts);
};
