// ---- curves

const COLOURS = ["#3a7bd5", "#d9541e", "#2e9148", "#cf3d78", "#8a63e8", "#1688a0", "#a8751a", "#6b7f2a", "#b0553f", "#7c8591"];
const DASHES = ["", "7 4", "2 3", "10 3 2 3"];
// On a phone fewer units are shown, so that the text stays readable.
const WIDTH = matchMedia("(max-width: 40rem)").matches ? 450 : 900, HEIGHT = 400, LEFT = 70, RIGHT = 40, TOP = 12, BOTTOM = 45;
const chart = byId("chart"), metric = byId("metric"), axis = byId("axis"), logarithmic = byId("logarithmic");
const hidden = new Set(data.experiments.keys());
const boxes = [];
let lines = [], scale = null, cursor = null;
chart.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);

function element(name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const colour = (experiment) => COLOURS[experiment % COLOURS.length];
const dashes = (experiment) => DASHES[Math.floor(experiment / COLOURS.length) % DASHES.length];

function interpolate(x, xs, ys) {
  let after = xs.findIndex((value) => value >= x);
  if (after < 0) return ys[ys.length - 1];
  if (after === 0) return ys[0];
  const fraction = (x - xs[after - 1]) / (xs[after] - xs[after - 1]);
  return ys[after - 1] + fraction * (ys[after] - ys[after - 1]);
}

function onAxis(run, images) {
  if (axis.value === "updates") return run.imagesPerUpdate ? images.map((n) => n / run.imagesPerUpdate) : null;
  if (axis.value === "seconds") return run.clock ? images.map((n) => interpolate(n, run.clock[0], run.clock[1])) : null;
  return images;
}

function visibleLines() {
  const curves = [];
  for (const run of data.runs) {
    const curve = run.curves[metric.value];
    const xs = curve && !hidden.has(run.experiment) ? onAxis(run, curve[0]) : null;
    if (xs) curves.push({ experiment: run.experiment, xs, ys: curve[1] });
  }
  return curves;
}

function means(curves) {
  return data.experiments.map((name, experiment) => {
    const seeds = curves.filter((line) => line.experiment === experiment);
    if (!seeds.length) return null;
    const from = Math.max(...seeds.map((line) => line.xs[0]));
    const to = Math.min(...seeds.map((line) => line.xs[line.xs.length - 1]));
    const xs = seeds[0].xs.filter((x) => x >= from && x <= to);
    if (!xs.length) return null;
    const ys = xs.map((x) => seeds.reduce((sum, line) => sum + interpolate(x, line.xs, line.ys), 0) / seeds.length);
    return { name, experiment, xs, ys, seeds: seeds.length };
  }).filter(Boolean);
}

function ticks(low, high) {
  const target = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(target));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= target);
  const positions = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++) positions.push(i * step);
  return positions;
}

const number = (value) => Number.isInteger(value) || Math.abs(value) >= 1e4 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));

function draw() {
  const curves = visibleLines();
  lines = means(curves);
  const drawable = curves.flatMap((line) => line.ys).filter((y) => !logarithmic.checked || y > 0);
  chart.replaceChildren();
  cursor = null;
  byId("values").replaceChildren();
  if (!drawable.length) {
    chart.append(element("text", { x: WIDTH / 2, y: HEIGHT / 2, "text-anchor": "middle" }, "no curves to show"));
    scale = null;
    return;
  }
  const transform = logarithmic.checked ? Math.log10 : (y) => y;
  let low = transform(Math.min(...drawable)), high = transform(Math.max(...drawable));
  if (low === high) { low -= 0.5; high += 0.5; }
  const right = Math.max(...curves.map((line) => line.xs[line.xs.length - 1])) || 1;
  scale = {
    x: (x) => LEFT + (x / right) * (WIDTH - LEFT - RIGHT),
    y: (y) => HEIGHT - BOTTOM - ((transform(y) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM),
    invert: (pixel) => Math.min(1, Math.max(0, (pixel - LEFT) / (WIDTH - LEFT - RIGHT))) * right,
    right,
  };
  for (const tick of ticks(low, high)) {
    const y = scale.y(logarithmic.checked ? 10 ** tick : tick);
    chart.append(element("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }));
    chart.append(element("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, number(logarithmic.checked ? 10 ** tick : tick)));
  }
  for (const tick of ticks(0, right)) {
    chart.append(element("text", { x: scale.x(tick), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, number(tick)));
  }
  chart.append(element("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, axis.selectedOptions[0].textContent));
  for (const line of curves) chart.append(path(line, 1, 0.4));
  for (const line of lines) chart.append(path(line, 2.6, 1));
  cursor = element("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  chart.append(cursor);
}

function path(line, width, opacity) {
  const drawn = line.xs.map((x, i) => [x, line.ys[i]]).filter(([, y]) => !logarithmic.checked || y > 0);
  const d = drawn.map(([x, y], i) => `${i ? "L" : "M"}${scale.x(x).toFixed(1)} ${scale.y(y).toFixed(1)}`).join("");
  // A path to where it is has nothing but its round ends.
  const shape = drawn.length === 1 ? { d: `${d}h0`, "stroke-width": 3 * width, "stroke-linecap": "round" } : { d, "stroke-width": width };
  return element("path", { ...shape, stroke: colour(line.experiment), "stroke-opacity": opacity, "stroke-dasharray": dashes(line.experiment), "data-experiment": line.experiment });
}

function read(x) {
  if (!scale || !cursor) return;
  cursor.setAttribute("x1", scale.x(x));
  cursor.setAttribute("x2", scale.x(x));
  cursor.setAttribute("visibility", "visible");
  chart.dataset.at = x;
  const shown = [line(`${axis.selectedOptions[0].textContent}: ${number(x)}`)];
  for (const curve of lines) {
    if (x < curve.xs[0] || x > curve.xs[curve.xs.length - 1]) continue;
    const entry = line(`${curve.name}: ${number(interpolate(x, curve.xs, curve.ys))}${curve.seeds > 1 ? ` (mean of ${curve.seeds})` : ""}`);
    entry.prepend(swatch(curve.experiment));
    shown.push(entry);
  }
  byId("values").replaceChildren(...shown);
}

function line(text) {
  const node = document.createElement("span");
  node.textContent = text;
  return node;
}

function swatch(experiment) {
  const node = element("svg", { class: "swatch", viewBox: "0 0 40 12", "aria-hidden": "true" });
  node.append(element("line", { x1: 2, x2: 38, y1: 6, y2: 6, stroke: colour(experiment), "stroke-dasharray": dashes(experiment) }));
  return node;
}

chart.addEventListener("pointermove", (event) => {
  const box = chart.getBoundingClientRect();
  if (scale) read(scale.invert(((event.clientX - box.left) / box.width) * WIDTH));
});
chart.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || !scale) return;
  event.preventDefault();
  read(Math.min(scale.right, Math.max(0, Number(chart.dataset.at || 0) + (step * scale.right) / 50)));
});

function option(name) {
  const node = document.createElement("option");
  node.value = node.textContent = name;
  return node;
}

const columns = [...new Set(data.runs.flatMap((run) => Object.keys(run.curves)))];
const rank = (name) => (name === data.score ? 0 : name.startsWith("score/") ? 1 : 2);
columns.sort((a, b) => rank(a) - rank(b));
metric.append(...columns.map(option));
for (const control of [metric, axis, logarithmic]) control.addEventListener("change", draw);

function showExperiments(shown) {
  data.experiments.forEach((_, experiment) => {
    boxes[experiment].checked = shown.includes(experiment);
    if (boxes[experiment].checked) hidden.delete(experiment); else hidden.add(experiment);
  });
  countShown();
  draw();
}

function countShown() {
  byId("curves-count").textContent = `${data.experiments.length - hidden.size} of ${data.experiments.length} experiments shown`;
}

const shownExperiments = () => [...data.experiments.keys()].filter((experiment) => !hidden.has(experiment));
// Experiments are ordered by rank.
const bestOf = (experiments) => experiments.slice(0, data.bestCurves);

data.experiments.forEach((name, experiment) => {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.addEventListener("change", () => {
    if (box.checked) hidden.delete(experiment); else hidden.add(experiment);
    countShown();
    draw();
  });
  boxes.push(box);
  label.append(box, " ", swatch(experiment), " ", line(name));
  byId("legend").append(label);
});
byId("curves-best").addEventListener("click", () => showExperiments(bestOf([...data.experiments.keys()])));
byId("curves-all").addEventListener("click", () => showExperiments([...data.experiments.keys()]));
byId("curves-none").addEventListener("click", () => showExperiments([]));
showExperiments(bestOf([...data.experiments.keys()]));
