// ---- scores by settings, shared by the heat maps and the parallel coordinates

const table = data.bySettings;
const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const DISCRETE = 16;

const isNumber = (value) => value.trim() !== "" && Number.isFinite(Number(value));

// Values of a setting: numbers by size, texts in the order of their first, hence best, experiment.
function settingValues(name) {
  const all = [...table.experiments, ...table.refused].map((cell) => cell.settings[name]);
  const values = [...new Set(all.filter((value) => value !== undefined))];
  return values.every(isNumber) ? values.sort((a, b) => a - b) : values;
}

// Settings that a search draws from a range have too many values for the rows of a map.
const isDiscrete = (name) => settingValues(name).length <= DISCRETE;

// A scale from values to [0, 1], where 1 is best; by ratio where all values are positive and span a decade.
function goodness(values, higherIsBetter) {
  const low = Math.min(...values), high = Math.max(...values);
  const transform = low > 0 && high / low >= 10 ? Math.log : (value) => value;
  const span = transform(high) - transform(low) || 1;
  return (value) => {
    const fraction = (transform(value) - transform(low)) / span;
    return higherIsBetter ? fraction : 1 - fraction;
  };
}

function ramp(fraction) {
  const position = Math.min(1, Math.max(0, fraction)) * (RAMP.length - 1);
  const index = Math.min(RAMP.length - 2, Math.floor(position));
  return RAMP[index].map((low, part) => Math.round(low + (position - index) * (RAMP[index + 1][part] - low)));
}

const rgb = (parts) => `rgb(${parts.join(", ")})`;

function luminance(parts) {
  const linear = parts.map((part) => part / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

// Black on what is bright, white on what is dark: the better contrast of the two.
const ink = (parts) => (luminance(parts) > 0.179 ? "#000000" : "#ffffff");

const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function standardDeviation(values) {
  if (values.length < 2) return null;
  const mean = average(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

function node(name, text, attributes = {}) {
  const created = document.createElement(name);
  if (text !== undefined) created.textContent = text;
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  return created;
}

function openRuns(experiment) {
  const details = byId(`experiment-${experiment}`);
  details.open = true;
  details.scrollIntoView();
  details.querySelector("summary").focus({ preventScroll: true });
}
