"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

// ---- sortable tables

function sortBy(table, column, button) {
  const heading = button.closest("th");
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows];
  const key = (row) => row.cells[column].dataset.key;
  rows.sort((a, b) => compareKeys(key(a), key(b), ascending));
  table.tBodies[0].append(...rows);
}

function compareKeys(a, b, ascending) {
  // Empty cells come last in both directions.
  if (a === "" || b === "") return (a === "") - (b === "");
  const difference = isNaN(a) || isNaN(b) ? a.localeCompare(b) : Number(a) - Number(b);
  return ascending ? difference : -difference;
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.querySelectorAll("thead button")].forEach((button, column) =>
    button.addEventListener("click", () => sortBy(table, column, button)));
}

// ---- buttons that copy commands

for (const button of document.querySelectorAll("button.copy")) {
  button.addEventListener("click", async () => {
    const code = button.previousElementSibling;
    getSelection().selectAllChildren(code);
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
    } catch {
      button.textContent = "selected; copy with the keyboard";
    }
  });
}
