// Numbers as people read them.

const scaled = (value, steps) => steps.find(([size]) => Math.abs(value) >= size) ?? steps[steps.length - 1];

const significant = (value, digits = 3) => {
  if (value === 0) return '0';
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', {minimumFractionDigits: Math.min(places, 6), maximumFractionDigits: Math.min(places, 6)});
};

const known = (value) => typeof value === 'number' && Number.isFinite(value);

export const number = (value, digits = 4) => (known(value) ? significant(value, digits) : '–');

const withUnit = (steps, value, digits) => {
  if (!known(value)) return '–';
  const [size, unit] = scaled(value, steps);
  return `${significant(value / size, digits)} ${unit}`;
};

const kSeconds = [[3600, 'h'], [1, 's'], [1e-3, 'ms'], [1e-6, 'µs'], [1e-9, 'ns']];
const kBytes = [[1e15, 'PB'], [1e12, 'TB'], [1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB'], [1, 'B']];
const kCount = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, '']];

export const seconds = (value, digits = 3) => withUnit(kSeconds, value, digits);
export const bytes = (value, digits = 3) => withUnit(kBytes, value, digits);
export const count = (value, digits = 3) =>
  known(value) && Math.abs(value) < 1e4 && Number.isInteger(value) ? value.toLocaleString('en-US') : withUnit(kCount, value, digits).trim();
export const percent = (fraction, digits = 1) => (known(fraction) ? `${(100 * fraction).toFixed(digits)} %` : '–');

// The text of an axis' tick: "2.500 s" as "2.5 s".
export const tick = (text) => text.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');

// "exposed_ep" as "exposed EP", "expert_fc1" as "expert fc1".
export const words = (key) =>
  String(key).replace(/_(s|bytes)$/, '').replace(/_/g, ' ').replace(/\b(ep|tp|cp|dp|pp|mfu|nic)\b/g, (name) => name.toUpperCase());

// The seconds or bytes of an axis share one unit, so that its ticks compare.
export const axisOf = (most, kind) => {
  const [size, unit] = scaled(Math.max(most, Number.MIN_VALUE), kind === 'bytes' ? kBytes : kSeconds);
  return {size, unit, label: (value) => tick(significant(value / size, 3))};
};
