"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const MILLISECONDS = 80;
let timer = null;

function show(position) {
  const stop = Math.floor(position / data.steps) + 1, next = (stop % data.stops) + 1;
  const text = position % data.steps === 0 ? `sample ${stop} of ${data.stops}` : `between samples ${stop} and ${next}`;
  byId("picture").src = data.frames[position];
  byId("picture").alt = `All walks at ${text}`;
  byId("where").textContent = text;
  byId("position").value = position;
  byId("position").setAttribute("aria-valuetext", text);
}

function stop() {
  clearInterval(timer);
  timer = null;
  byId("play").textContent = "Play";
}

function play() {
  timer = setInterval(() => show((Number(byId("position").value) + 1) % data.frames.length), MILLISECONDS);
  byId("play").textContent = "Pause";
}

byId("play").addEventListener("click", () => (timer === null ? play() : stop()));
byId("position").addEventListener("input", () => {
  stop();
  show(Number(byId("position").value));
});
show(0);
if (matchMedia("(prefers-reduced-motion: no-preference)").matches) play();
