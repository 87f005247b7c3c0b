// Elements without markup in strings: what a scenario or an error says is text and stays text.

export const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
};

let ids = 0;
export const freshId = (stem) => `${stem}-${++ids}`;

// A titled section; `wide` takes a whole row.
export const card = (title, {wide = false, note = ''} = {}, ...content) => {
  const id = freshId('card');
  return make('section', {class: wide ? 'card wide' : 'card', 'aria-labelledby': id},
    make('h2', {id}, title), note ? make('p', {class: 'note'}, note) : null, ...content);
};

// rows: lists of cells, of which numbers are given as {text, number: true}.
export const plainTable = (caption, heads, rows) =>
  make('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption},
    make('table', {},
      make('thead', {}, make('tr', {}, heads.map((head) => make('th', {scope: 'col', class: head.number ? 'number' : undefined}, head.text ?? head)))),
      make('tbody', {}, rows.map((row) => make('tr', {}, row.map((cell, index) =>
        make(index === 0 ? 'th' : 'td', {scope: index === 0 ? 'row' : undefined, class: cell?.number ? 'number' : undefined}, cell?.text ?? cell)))))));

export const folded = (summary, ...content) => make('details', {}, make('summary', {}, summary), ...content);

export const choice = (label, options, chosen, onchange) => {
  const select = make('select', {onchange: (event) => onchange(event.target.value)},
    options.map(([value, text]) => make('option', {value, selected: value === chosen}, text)));
  return make('label', {class: 'choice'}, label, ' ', select);
};
