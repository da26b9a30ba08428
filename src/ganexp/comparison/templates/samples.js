// ---- samples

const times = [...new Set(data.grids.flatMap((grid) => grid.frames.map(([images]) => images)))].sort((a, b) => a - b);
const slider = byId("time");

function showTime() {
  const time = times[slider.value];
  byId("time-value").textContent = `${time.toLocaleString("en")} images`;
  slider.setAttribute("aria-valuetext", byId("time-value").textContent);
  data.grids.forEach((grid, index) => {
    const earlier = grid.frames.filter(([images]) => images <= time);
    const [images, source] = earlier.length ? earlier[earlier.length - 1] : grid.frames[0];
    const item = byId("grids").children[index];
    const picture = item.querySelector("img");
    picture.src = source;
    picture.alt = `Samples of ${data.experiments[grid.experiment]} after ${images.toLocaleString("en")} images`;
    item.querySelector("small").textContent = ` ${images.toLocaleString("en")} images, seed ${grid.seed}`;
  });
}

for (const grid of data.grids) {
  const item = document.createElement("figure");
  const picture = document.createElement("img");
  picture.addEventListener("load", () => picture.classList.toggle("pixels", picture.naturalWidth < 200));
  const caption = document.createElement("figcaption");
  caption.append(swatch(grid.experiment), " ", line(data.experiments[grid.experiment]), document.createElement("br"), document.createElement("small"));
  item.append(picture, caption);
  byId("grids").append(item);
}
if (times.length) {
  slider.max = times.length - 1;
  slider.value = times.length - 1;
  slider.addEventListener("input", showTime);
  showTime();
} else {
  slider.disabled = true;
  byId("grids").textContent = "No run has sample grids.";
}
