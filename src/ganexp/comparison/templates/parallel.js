// ---- parallel coordinates: an axis per setting and one for the score, a line per experiment, a brush per axis

const AXIS_GAP = 190, AXIS_TOP = 40, AXIS_BOTTOM = 330, AXIS_LEFT = 70, BRUSH_WIDTH = 22, NEAR = 0.04;
const SCORE_AXIS = "score";
const brushes = new Map();
let axes = [];

// Positions are in [0, 1] from the bottom; those of numbers are by ratio where they span a decade.
function settingAxis(name) {
  const values = settingValues(name);
  if (values.every(isNumber) && values.length > 2) return numericAxis(name, values.map(Number), (cell) => Number(cell.settings[name]));
  const position = (value) => (values.length < 2 ? 0.5 : values.indexOf(value) / (values.length - 1));
  return { name, label: name, at: (cell) => (cell.settings[name] === undefined ? null : position(cell.settings[name])), ticks: values.map((value) => [position(value), value]) };
}

function numericAxis(name, values, read, label = name) {
  const low = Math.min(...values), high = Math.max(...values);
  const transform = low > 0 && high / low >= 10 ? Math.log10 : (value) => value;
  const position = (value) => (high === low ? 0.5 : (transform(value) - transform(low)) / (transform(high) - transform(low)));
  const few = [...new Set(values)].length <= DISCRETE;
  const marked = few ? [...new Set(values)] : [low, ...ticks(transform(low), transform(high)).map((tick) => (transform === Math.log10 ? 10 ** tick : tick)), high];
  return { name, label, at: (cell) => position(read(cell)), ticks: spaced([...new Set(marked)].sort((a, b) => a - b).map((value) => [position(value), number(value)])) };
}

// Of labels that would overlap only the first is written.
function spaced(labels) {
  return labels.reduce((kept, label) => (kept.length && label[0] - kept[kept.length - 1][0] < 0.05 ? kept : [...kept, label]), []);
}

const scoredExperiments = () => table.experiments.map((cell, experiment) => ({ ...cell, experiment })).filter((cell) => cell.mean !== null);
const axisX = (index) => AXIS_LEFT + index * AXIS_GAP;
const axisY = (position) => AXIS_BOTTOM - position * (AXIS_BOTTOM - AXIS_TOP);

function passes(cell) {
  return axes.every((axis) => {
    const brush = brushes.get(axis.name), position = axis.at(cell);
    return !brush || (position !== null && position >= brush[0] && position <= brush[1]);
  });
}

function drawParallel() {
  const cells = scoredExperiments(), picture = byId("parallel");
  const scale = goodness(cells.map((cell) => cell.mean), table.higherIsBetter);
  const width = axisX(axes.length - 1) + 130;
  picture.setAttribute("viewBox", `0 0 ${width} ${AXIS_BOTTOM + 20}`);
  picture.style.minWidth = `${Math.min(width, 120 * axes.length)}px`;
  // The best are drawn last, over the others.
  const inOrder = [...cells].sort((a, b) => passes(a) - passes(b) || scale(a.mean) - scale(b.mean));
  picture.replaceChildren(...inOrder.map((cell) => experimentLine(cell, scale)), ...axes.map(axisGroup));
  const passing = cells.filter(passes);
  byId("parallel-count").textContent = `${passing.length} of ${cells.length} experiments${brushes.size ? " pass the brushes" : ""}`;
}

function experimentLine(cell, scale) {
  const points = axes.map((axis, index) => [axisX(index), axis.at(cell)]).filter(([, position]) => position !== null);
  const drawn = element("polyline", {
    points: points.map(([x, position]) => `${x},${axisY(position).toFixed(1)}`).join(" "),
    class: passes(cell) ? "passing" : "faded", stroke: rgb(ramp(0.9 * scale(cell.mean))), "data-experiment": cell.experiment,
  });
  drawn.addEventListener("pointerenter", () => { byId("parallel-name").textContent = `${data.experiments[cell.experiment]}: ${number(cell.mean)}`; });
  drawn.addEventListener("click", () => openRuns(cell.experiment));
  return drawn;
}

function axisGroup(axis, index) {
  const group = element("g", { transform: `translate(${axisX(index)} 0)`, "data-axis": axis.name });
  const title = element("text", { class: "axis-title", y: 18, "text-anchor": "middle" }, axis.label);
  const area = element("rect", { class: "brush-area", x: -BRUSH_WIDTH / 2, y: AXIS_TOP - 6, width: BRUSH_WIDTH, height: AXIS_BOTTOM - AXIS_TOP + 12 });
  area.addEventListener("pointerdown", (event) => startBrush(event, axis.name));
  group.append(title, element("line", { class: "axis", y1: AXIS_TOP, y2: AXIS_BOTTOM }), area);
  const brush = brushes.get(axis.name);
  if (brush) group.append(element("rect", { class: "brush", x: -BRUSH_WIDTH / 2, width: BRUSH_WIDTH, y: axisY(brush[1]), height: Math.max(2, axisY(brush[0]) - axisY(brush[1])) }));
  group.append(...axis.ticks.map(([position, text]) => tickLabel(axis.name, position, text, brush)));
  return group;
}

function tickLabel(name, position, text, brush) {
  const chosen = Boolean(brush) && position >= brush[0] && position <= brush[1];
  const label = element("text", { class: "tick", x: 16, y: axisY(position) + 4, tabindex: 0, role: "button", "aria-pressed": chosen }, text);
  const toggle = () => {
    if (chosen && brush[1] - brush[0] <= 2 * NEAR) brushes.delete(name); else brushes.set(name, [position - NEAR / 2, position + NEAR / 2]);
    brushed();
    byId("parallel").querySelectorAll(`[data-axis] .tick`).forEach((other) => {
      if (other.textContent === text && other.parentNode.dataset.axis === name) other.focus();
    });
  };
  label.addEventListener("click", toggle);
  label.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  return label;
}

function startBrush(event, name) {
  const picture = byId("parallel");
  const positionAt = (moved) => {
    const box = picture.getBoundingClientRect();
    const y = ((moved.clientY - box.top) / box.height) * picture.viewBox.baseVal.height;
    return Math.min(1, Math.max(0, (AXIS_BOTTOM - y) / (AXIS_BOTTOM - AXIS_TOP)));
  };
  const from = positionAt(event);
  event.preventDefault();
  const move = (moved) => {
    const to = positionAt(moved);
    brushes.set(name, [Math.min(from, to), Math.max(from, to)]);
    drawParallel();
  };
  const end = (moved) => {
    removeEventListener("pointermove", move);
    if (Math.abs(positionAt(moved) - from) < 0.01) brushes.delete(name);
    brushed();
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end, { once: true });
  addEventListener("pointercancel", end, { once: true });
}

function brushed() {
  drawParallel();
  showExperiments(bestOf(brushes.size ? scoredExperiments().filter(passes).map((cell) => cell.experiment) : [...data.experiments.keys()]));
  byId("parallel").dispatchEvent(new Event("change", { bubbles: true }));
}

function startParallel() {
  byId("parallel-part").hidden = table.names.length < 3 && table.names.every(isDiscrete);
  axes = [...table.names.map(settingAxis), numericAxis(SCORE_AXIS, scoredExperiments().map((cell) => cell.mean), (cell) => cell.mean, `${table.score}, ${table.higherIsBetter ? "higher" : "lower"} is better`)];
  byId("parallel-clear").addEventListener("click", () => {
    brushes.clear();
    brushed();
  });
  drawParallel();
}

if (table) startParallel();
