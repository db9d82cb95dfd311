/* Refresca un tablero: pide cada panel, cambia solo lo que ha cambiado y no pregunta por lo que no se ve. */
(() => {
  "use strict";
  const AT_ONCE = 4;
  const board = document.getElementById("board");
  const form = document.getElementById("controls");
  const trouble = document.getElementById("trouble");
  const pause = document.getElementById("pause");
  const state = { from: board.dataset.from, to: board.dataset.to, refresh: board.dataset.refresh, paused: false, timer: null, round: 0, last: null };

  // --- lo que se pide -------------------------------------------------------------------------------
  function variables() {
    const pairs = [];
    if (form) for (const [key, value] of new FormData(form)) if (key.startsWith("var-")) pairs.push([key, value]);
    if (!form) for (const [key, value] of new URLSearchParams(location.search)) if (key.startsWith("var-")) pairs.push([key, value]);
    return pairs;
  }
  function address() {
    const kept = [...new URLSearchParams(location.search)].filter(([key]) => !key.startsWith("var-") && !["from", "to", "refresh"].includes(key));
    return new URLSearchParams([...kept, ["from", state.from], ["to", state.to], ["refresh", state.refresh], ...variables()]);
  }
  function remember() {
    history.replaceState(null, "", `?${address()}`);
    for (const link of document.querySelectorAll("a[data-only]")) {
      const own = new URLSearchParams(link.getAttribute("href").slice(1)).get("viewPanel");
      const query = address();
      query.delete("viewPanel");
      if (own) query.set("viewPanel", own);
      link.href = `?${query}`;
    }
  }

  // --- un panel -------------------------------------------------------------------------------------
  function show(panel, view) {
    const body = panel.querySelector(":scope > .body");
    const title = panel.querySelector("h3");
    if (title.textContent !== view.title && view.title) title.textContent = view.title;
    if (view.kind === "chart") {
      let box = body.querySelector(":scope > .chart");
      if (!box) { body.replaceChildren(); box = document.createElement("div"); body.append(box); panel.dataset.html = ""; }
      stacklab.chart(box, view.chart);
    } else if (panel.dataset.html !== view.html) {
      const box = body.querySelector(":scope > .chart");
      if (box) stacklab.forget(box);
      const scroll = body.querySelector(".scroll")?.scrollTop || 0;
      body.innerHTML = view.html;
      const scrolled = body.querySelector(".scroll");
      if (scrolled) scrolled.scrollTop = scroll;
      panel.dataset.html = view.html;
    }
    const notes = panel.querySelector(":scope > .notes");
    const more = view.chart?.more ? [`Hay ${view.chart.more} series más que no se dibujan.`] : [];
    notes.textContent = [...(view.notes || []), ...more].join(" ");
    notes.hidden = !notes.textContent;
    panel.classList.remove("stale");
  }

  async function load(panel, round) {
    panel.classList.add("working");
    const query = new URLSearchParams([["from", state.from], ["to", state.to], ["width", String(panel.clientWidth || 800)], ...variables()]);
    try {
      const answer = await fetch(`/_panels/${encodeURIComponent(board.dataset.uid)}/${panel.dataset.panel}?${query}`);
      const view = await answer.json();
      if (round !== state.round) return;
      if (!answer.ok) throw new Error(view.error || `Grafana contestó ${answer.status}.`);
      show(panel, view);
      state.last = view.at;
    } catch (error) {
      if (round !== state.round) return;
      panel.classList.add("stale");
      return error instanceof TypeError ? lost() : error.message;
    } finally {
      panel.classList.remove("working");
    }
  }
  const lost = () => "Grafana no contesta. " + (state.last ? `Lo que ves es de las ${new Date(state.last).toLocaleTimeString("es-ES")}.` : "Arráncalo con «stacklab up grafana» y vuelve a cargar.");

  // --- una ronda: los visibles, unos pocos a la vez -------------------------------------------------
  async function refresh() {
    clearTimeout(state.timer);
    const round = ++state.round;
    const began = Date.now();
    const waiting = [...document.querySelectorAll(".panel[data-panel]")].filter((panel) => !panel.closest("details:not([open])") && !(panel.dataset.type === "text" && panel.dataset.html));
    const problems = new Set();
    const worker = async () => {
      for (let panel = waiting.shift(); panel && round === state.round; panel = waiting.shift()) {
        const problem = await load(panel, round);
        if (problem) problems.add(problem);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (round !== state.round) return;
    trouble.textContent = [...problems].join(" ");
    trouble.hidden = problems.size === 0;
    plan(Date.now() - began);
  }

  function plan(spent = 0) {
    clearTimeout(state.timer);
    const match = /^(\d+)(ms|s|m|h)$/.exec(state.refresh || "");
    if (!match || state.paused) return;
    const every = Number(match[1]) * { ms: 1, s: 1000, m: 60000, h: 3600000 }[match[2]];
    state.timer = setTimeout(() => { document.hidden ? plan() : refresh(); }, Math.max(250, every - spent));
  }

  // --- los mandos -----------------------------------------------------------------------------------
  if (form) {
    const custom = form.querySelector(".custom");
    const preset = form.querySelector("#preset");
    preset.addEventListener("change", () => {
      custom.hidden = preset.value !== "custom";
      if (custom.hidden) {
        form.elements.from.value = state.from = preset.value;
        form.elements.to.value = state.to = "now";
        remember(); refresh();
      }
    });
    form.elements.refresh.addEventListener("change", (event) => { state.refresh = event.target.value; remember(); plan(); });
    // Una variable puede cambiar las opciones de otra y el título de un panel: se vuelve a cargar la página.
    const reload = () => { location.search = `?${address()}`; };
    form.addEventListener("change", (event) => {
      const field = event.target;
      if (!field.name?.startsWith("var-")) return;
      if (field.type !== "checkbox") { reload(); return; }
      const boxes = [...form.querySelectorAll("input[type=checkbox]")].filter((box) => box.name === field.name);
      for (const box of boxes) if (field.checked && box !== field && (field.value === "$__all" || box.value === "$__all")) box.checked = false;
      if (!boxes.some((box) => box.checked)) (boxes.find((box) => box.value === "$__all") || field).checked = true;
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      state.from = form.elements.from.value.trim() || "now-5m";
      state.to = form.elements.to.value.trim() || "now";
      if (form.querySelector(".multi[open]")) { reload(); return; }
      remember(); refresh();
    });
    pause.addEventListener("click", () => {
      state.paused = !state.paused;
      pause.setAttribute("aria-pressed", String(state.paused));
      pause.textContent = state.paused ? "Seguir" : "Pausa";
      state.paused ? clearTimeout(state.timer) : refresh();
    });
    form.querySelector("#now").addEventListener("click", refresh);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden && state.refresh && !state.paused) refresh(); });

  let popover = null;
  document.addEventListener("click", (event) => {
    const same = popover?.owner === event.target;
    popover?.remove(); popover = null;
    if (!event.target.matches(".hint") || same) return;
    popover = document.createElement("div");
    popover.className = "popover"; popover.setAttribute("role", "status");
    popover.textContent = event.target.dataset.note; popover.owner = event.target;
    document.body.append(popover);
    const place = event.target.getBoundingClientRect();
    popover.style.left = `${Math.max(8, Math.min(place.left, innerWidth - popover.offsetWidth - 16))}px`;
    popover.style.top = `${place.bottom + scrollY + 6}px`;
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { popover?.remove(); popover = null; } });

  // El navegador también avisa de las filas que ya nacen abiertas: se escucha a partir de la primera ronda.
  refresh().then(() => {
    for (const fold of document.querySelectorAll(".fold")) fold.addEventListener("toggle", () => { if (fold.open) refresh(); });
  });
})();
