// ---- heat maps: rows and columns are two settings, and each value of a third has a map of its own

const NOT_SPLIT = "";

function cellsAt(at) {
  const matches = (cell) => Object.entries(at).every(([name, value]) => cell.settings[name] === value);
  const here = table.experiments.map((cell, experiment) => ({ ...cell, experiment })).filter(matches);
  return { scored: here.filter((cell) => cell.mean !== null), missing: [...here.filter((cell) => cell.mean === null), ...table.refused.filter(matches)] };
}

// The mean and the spread of a cell: over seeds where it has one experiment, else over the means of several.
function summarize(scored) {
  if (!scored.length) return null;
  const best = scored[0];
  if (scored.length === 1) return { mean: best.mean, deviation: best.deviation, count: best.seeds, unit: "seed", best };
  const means = scored.map((cell) => cell.mean);
  return { mean: average(means), deviation: standardDeviation(means), count: means.length, unit: "experiment", best };
}

function drawMaps() {
  const [rows, columns, facets, shown] = ["map-rows", "map-columns", "map-facets", "map-colour"].map((id) => byId(id).value);
  const facetValues = facets === NOT_SPLIT ? [null] : settingValues(facets);
  const reasons = [];
  const maps = facetValues.map((facet) => {
    const at = facet === null ? {} : { [facets]: facet };
    return settingValues(rows).map((row) => settingValues(columns).map((column) => cellsAt({ ...at, [rows]: row, [columns]: column })));
  });
  const drawn = maps.flat(2).map(({ scored }) => summarize(scored)).filter(Boolean).map((summary) => summary[shown]).filter((value) => value !== null);
  const scale = drawn.length ? goodness(drawn, shown === "mean" && table.higherIsBetter) : null;
  byId("maps").replaceChildren(...maps.map((map, index) => heatMap(map, { rows, columns, shown, scale, reasons }, facetValues[index] === null ? null : `${facets}=${facetValues[index]}`)));
  byId("map-reasons").replaceChildren(...reasons.map((reason) => node("li", reason)));
  byId("map-scale").replaceChildren(...(drawn.length ? scaleBar(drawn, shown) : []));
}

function heatMap(map, view, title) {
  const figure = node("figure", undefined, { class: "map wide" });
  const grid = node("table");
  if (title) grid.append(node("caption", title));
  const head = node("tr");
  head.append(node("th", `${view.rows} \\ ${view.columns}`, { scope: "col" }), ...settingValues(view.columns).map((value) => node("th", value, { scope: "col" })));
  grid.createTHead().append(head);
  const body = grid.createTBody();
  settingValues(view.rows).forEach((value, index) => {
    const row = node("tr");
    row.append(node("th", value, { scope: "row" }), ...map[index].map((cell) => heatCell(cell, view)));
    body.append(row);
  });
  figure.append(grid);
  return figure;
}

function heatCell({ scored, missing }, { shown, scale, reasons }) {
  const summary = summarize(scored);
  if (summary) return scoredCell(summary, missing, shown, scale);
  if (!missing.length) return node("td", "not run", { class: "absent" });
  const why = missing[0].why;
  if (!reasons.includes(why)) reasons.push(why);
  const cell = node("td", undefined, { class: "refused", title: why });
  const label = `${why.split(/[:;]/)[0]} (${letter(reasons.indexOf(why))})`;
  cell.append("experiment" in missing[0] ? runsLink(missing[0].experiment, label) : label);
  return cell;
}

function scoredCell(summary, missing, shown, scale) {
  const cell = node("td");
  const value = summary[shown];
  if (value !== null) {
    const colour = ramp(scale(value));
    cell.style.backgroundColor = rgb(colour);
    cell.style.color = ink(colour);
  }
  if (summary.best.experiment === 0) cell.classList.add("best");
  const spread = summary.deviation === null ? "" : ` ± ${Number(summary.deviation.toPrecision(2))}`;
  const several = summary.unit === "experiment" ? `mean of ${summary.count} experiments, the best of which opens: ` : "";
  const link = runsLink(summary.best.experiment, `${Number(summary.mean.toPrecision(4))}${spread}`);
  link.title = `${several}${data.experiments[summary.best.experiment]}`;
  const left = missing.length ? `, ${missing.length} missing` : "";
  cell.append(link, node("small", `${summary.count} ${summary.unit}${summary.count === 1 ? "" : "s"}${left}`));
  return cell;
}

function runsLink(experiment, text) {
  const link = node("a", text, { href: `#experiment-${experiment}` });
  link.addEventListener("click", (event) => {
    event.preventDefault();
    openRuns(experiment);
  });
  return link;
}

// As the numbers of an ordered list of type a: a, b, …, z, aa.
function letter(index) {
  return (index >= 26 ? letter(Math.floor(index / 26) - 1) : "") + String.fromCharCode(97 + (index % 26));
}

function scaleBar(values, shown) {
  const ends = [Math.min(...values), Math.max(...values)];
  if (!(shown === "mean" && table.higherIsBetter)) ends.reverse();
  const bar = node("span", undefined, { class: "ramp", "aria-hidden": "true" });
  bar.style.background = `linear-gradient(to right, ${RAMP.map(rgb).join(", ")})`;
  const words = shown === "mean" ? ["worst", "best"] : ["largest", "smallest"];
  return [node("span", `${words[0]} ${number(ends[0])}`), bar, node("span", `${words[1]} ${number(ends[1])}`)];
}

// Rows and columns are different settings, and neither has a map per value.
function keepDistinct(changed) {
  const controls = ["map-rows", "map-columns", "map-facets"].map(byId);
  const used = new Set([byId(changed).value]);
  for (const control of controls.filter((other) => other.id !== changed)) {
    if (used.has(control.value)) {
      const free = [...control.options].map((choice) => choice.value).find((value) => !used.has(value));
      control.value = free;
    }
    used.add(control.value);
  }
}

function startMaps() {
  const names = table.names.filter(isDiscrete);
  if (names.length < 2) {
    for (const control of ["map-rows", "map-columns", "map-facets", "map-colour"]) byId(control).disabled = true;
    byId("maps").textContent = `No two settings have at most ${DISCRETE} values: see the parallel coordinates.`;
    return;
  }
  byId("map-rows").append(...names.map(option));
  byId("map-columns").append(...names.map(option));
  byId("map-facets").append(node("option", "(one map)", { value: NOT_SPLIT }), ...names.map(option));
  byId("map-columns").value = names[1];
  byId("map-facets").value = names[2] ?? NOT_SPLIT;
  byId("map-facets-label").hidden = names.length < 3;
  for (const control of ["map-rows", "map-columns", "map-facets"]) {
    byId(control).addEventListener("change", () => {
      keepDistinct(control);
      drawMaps();
    });
  }
  byId("map-colour").addEventListener("change", drawMaps);
  drawMaps();
}

if (table) startMaps();
