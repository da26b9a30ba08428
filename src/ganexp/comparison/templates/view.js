// ---- the view in the address: what differs from the page as it opens, after #view?

const VIEW = "#view?";
const CONTROLS = ["metric", "axis", "logarithmic", "time", ...(table ? ["map-rows", "map-columns", "map-facets", "map-colour"] : [])];

const stateOf = (control) => (control.type === "checkbox" ? String(control.checked) : control.value);
const usable = () => CONTROLS.map(byId).filter((control) => !control.disabled);
const initial = Object.fromEntries(usable().map((control) => [control.id, stateOf(control)]));
const initiallyShown = JSON.stringify(shownExperiments());

function currentView() {
  const view = new URLSearchParams();
  for (const control of usable()) if (stateOf(control) !== initial[control.id]) view.set(control.id, stateOf(control));
  for (const [name, range] of brushes) view.append("brush", JSON.stringify([name, ...range.map((end) => Number(end.toFixed(3)))]));
  // By name, as numbers change when runs are added.
  if (JSON.stringify(shownExperiments()) !== initiallyShown) view.set("shown", JSON.stringify(shownExperiments().map((experiment) => data.experiments[experiment])));
  const sorted = document.querySelector("[aria-sort]");
  if (sorted) view.set("sort", JSON.stringify([sortable.indexOf(sorted.closest("table")), sorted.cellIndex, sorted.getAttribute("aria-sort")]));
  return view.size ? VIEW + view : "";
}

function restoreView() {
  if (!location.hash.startsWith(VIEW)) return;
  const view = new URLSearchParams(location.hash.slice(VIEW.length));
  for (const control of usable()) if (view.has(control.id)) restoreControl(control, view.get(control.id));
  if (table) {
    brushes.clear();
    for (const brush of view.getAll("brush").map(parsed)) {
      if (Array.isArray(brush) && axes.some((axis) => axis.name === brush[0]) && brush.slice(1).every(Number.isFinite) && brush.length === 3) brushes.set(brush[0], brush.slice(1));
    }
    if (axes.length) drawParallel();
  }
  const names = parsed(view.get("shown"));
  if (Array.isArray(names)) showExperiments([...data.experiments.keys()].filter((experiment) => names.includes(data.experiments[experiment])));
  const sort = parsed(view.get("sort"));
  if (Array.isArray(sort)) restoreOrder(...sort);
}

function restoreControl(control, value) {
  if (control.type === "checkbox") control.checked = value === "true";
  else if (control.type === "range") control.value = value;
  else if ([...control.options].some((choice) => choice.value === value)) control.value = value;
  control.dispatchEvent(new Event(control.type === "range" ? "input" : "change"));
}

function restoreOrder(index, column, direction) {
  const button = sortable[index]?.querySelectorAll("thead button")[column];
  if (!button) return;
  sortBy(sortable[index], column, button);
  if (button.closest("th").getAttribute("aria-sort") !== direction) sortBy(sortable[index], column, button);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function keepView() {
  const hash = currentView();
  if (hash || location.hash.startsWith(VIEW)) history.replaceState(null, "", hash || "#");
}

const sortable = [...document.querySelectorAll("table.sortable")];
restoreView();
for (const kind of ["change", "input", "click"]) document.addEventListener(kind, (event) => { if (!event.target.closest("a")) keepView(); });
addEventListener("hashchange", restoreView);
byId("share").addEventListener("click", async () => {
  const address = location.href.split("#")[0] + currentView();
  try {
    await navigator.clipboard.writeText(address);
    byId("shared").textContent = "copied";
  } catch {
    byId("shared").textContent = address;
  }
});
