// La línea de tiempo se lee entera sin esto. Aquí está lo que la hace cómoda: plegar ramas, ampliar un trozo,
// resaltar spans y dibujar el hilo entre quien deja un mensaje y quien lo recoge.
"use strict";
document.documentElement.classList.add("js");

const timeline = document.getElementById("timeline");
const list = timeline.querySelector(".spans");
const rows = [...list.querySelectorAll(".span")];
const total = Number(timeline.dataset.duration);
const view = { from: 0, to: 1 };

// ---- Plegar ramas -------------------------------------------------------------------------------------------
const depth = (row) => Number(row.dataset.depth);

function refold() {
  let hiddenBelow = Infinity;
  for (const row of rows) {
    const here = depth(row);
    if (here <= hiddenBelow) hiddenBelow = Infinity;
    row.hidden = here > hiddenBelow;
    const button = row.querySelector(".fold");
    if (!row.hidden && button?.getAttribute("aria-expanded") === "false") hiddenBelow = here;
  }
  drawThreads();
}

function foldAll(expanded, from = 0) {
  for (const row of rows) if (depth(row) >= from) row.querySelector(".fold")?.setAttribute("aria-expanded", String(expanded));
  refold();
}

list.addEventListener("click", (event) => {
  const button = event.target.closest(".fold");
  if (!button) return;
  event.preventDefault();
  button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") === "false"));
  refold();
});
document.getElementById("fold-all").addEventListener("click", () => foldAll(false, 1));
document.getElementById("unfold-all").addEventListener("click", () => foldAll(true));

// ---- Ampliar un trozo ---------------------------------------------------------------------------------------
function duration(ns) {
  for (const [unit, size] of [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]]) {
    if (ns < 999.5 * size || unit === "s") {
      const amount = ns / size;
      const decimals = amount >= 99.95 ? 0 : amount >= 9.995 ? 1 : 2;
      return `${String(Number(amount.toFixed(decimals))).replace(".", ",")}\u00a0${unit}`;
    }
  }
}

function zoom(from, to) {
  [view.from, view.to] = [from, to];
  timeline.style.setProperty("--from", from);
  timeline.style.setProperty("--to", to);
  const ticks = timeline.querySelectorAll(".ticks span");
  ticks.forEach((tick, index) => {
    const at = (from + ((to - from) * index) / (ticks.length - 1)) * total;
    tick.textContent = at ? duration(at) : "0";
  });
  for (const bar of list.querySelectorAll(".bar")) {
    const left = (Number(bar.style.getPropertyValue("--a")) - from) / (to - from);
    const right = (Number(bar.style.getPropertyValue("--b")) - from) / (to - from);
    const threaded = bar.closest(".span").dataset.from && right - left > 0.12;
    const side = right < 0.86 ? "after" : left > 0.14 && !threaded ? "before" : "inside";
    bar.firstElementChild.className = `took ${right < 0 || left > 1 ? "away" : side}`;
  }
  const shade = timeline.querySelector(".shade");
  shade.hidden = from === 0 && to === 1;
  place(shade, from, to);
  document.getElementById("whole").hidden = shade.hidden;
  drawThreads();
}

function place(shade, from, to) {
  shade.style.left = `${from * 100}%`;
  shade.style.width = `${(to - from) * 100}%`;
}

const minimap = document.getElementById("minimap");
minimap.addEventListener("pointerdown", (down) => {
  const box = minimap.getBoundingClientRect();
  const at = (event) => Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  const start = at(down);
  const shade = timeline.querySelector(".shade");
  const range = (event) => [Math.min(start, at(event)), Math.max(start, at(event))];
  const move = (event) => {
    shade.hidden = false;
    place(shade, ...range(event));
  };
  minimap.setPointerCapture(down.pointerId);
  minimap.addEventListener("pointermove", move);
  minimap.addEventListener(
    "pointerup",
    (up) => {
      minimap.removeEventListener("pointermove", move);
      const [from, to] = range(up);
      to - from > 0.005 ? zoom(from, to) : zoom(0, 1);
    },
    { once: true },
  );
});
document.getElementById("whole").addEventListener("click", () => zoom(0, 1));

// ---- El hilo de los mensajes --------------------------------------------------------------------------------
const svg = list.querySelector(".threads");

function path(d, className = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", "path");
  element.setAttribute("d", d);
  if (className) element.setAttribute("class", className);
  return element;
}

function drawThreads() {
  const origin = list.getBoundingClientRect();
  const lines = [];
  for (const row of list.querySelectorAll(".span[data-from]:not([hidden])")) {
    for (const id of row.dataset.from.split(" ")) {
      const source = document.getElementById(`span-${id}`);
      if (!source || source.hidden) continue;
      const track = row.querySelector(".track").getBoundingClientRect();
      const from = source.querySelector(".bar").getBoundingClientRect();
      const to = row.querySelector(".bar").getBoundingClientRect();
      if ([from.right, to.left].some((x) => x < track.left - 1 || x > track.right + 1)) continue;
      // Del final de quien deja el mensaje al principio de quien lo recoge, entrando desde la izquierda.
      const down = to.top > from.top;
      const x1 = Math.min(from.right, to.left) - origin.left;
      const y1 = (down ? from.bottom : from.top) - origin.top;
      const x2 = to.left - origin.left - 1;
      const y2 = to.top + to.height / 2 - origin.top;
      const bend = Math.max(14, (x2 - x1) / 2);
      lines.push(path(`M${x1} ${y1} C${x1} ${(y1 + y2) / 2}, ${x2 - bend} ${y2}, ${x2 - 6} ${y2}`));
      lines.push(path(`M${x2} ${y2} l-7 -4 v8 z`, "head"));
    }
  }
  svg.replaceChildren(...lines);
}
list.addEventListener("toggle", drawThreads, true);
new ResizeObserver(drawThreads).observe(list);

// ---- Resaltar, ir a un span, copiar -------------------------------------------------------------------------
const find = document.getElementById("find");
function highlight() {
  const wanted = find.value.trim().toLowerCase();
  let matches = 0;
  for (const row of rows) {
    const matching = !wanted || row.textContent.toLowerCase().includes(wanted);
    row.classList.toggle("dim", !matching);
    matches += matching;
  }
  document.getElementById("matches").textContent = wanted ? `${matches} de ${rows.length}` : "";
}
find.addEventListener("input", highlight);
if (find.value) highlight();

function reveal() {
  const row = location.hash.startsWith("#span-") && document.getElementById(location.hash.slice(1));
  if (!row) return;
  let level = depth(row);
  for (let index = rows.indexOf(row) - 1; index >= 0 && level > 0; index -= 1) {
    if (depth(rows[index]) < level) {
      level = depth(rows[index]);
      rows[index].querySelector(".fold")?.setAttribute("aria-expanded", "true");
    }
  }
  row.open = true;
  refold();
  row.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", reveal);
reveal();

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copiado";
  });
}
