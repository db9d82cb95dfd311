/* Gráficas de series temporales sobre Chart.js. Qué recibe cada función se cuenta en stack/web/charts.py. */
(() => {
  "use strict";
  const THIN = "\u202f";
  const known = new Map(); // elemento → { chart, spec, hidden }

  // --- números y horas en español: la misma regla que stack/web/units.py -----------------------------
  function formatNumber(value, decimals) {
    let text;
    if (decimals === undefined || decimals === null) {
      const size = Math.abs(value);
      let wanted = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : 2;
      if (size > 0 && size < 1) wanted = Math.min(12, 2 - Math.floor(Math.log10(size)));
      text = value.toFixed(wanted);
      if (text.includes(".")) text = text.replace(/\.?0+$/, "");
    } else {
      text = value.toFixed(Math.max(0, decimals));
    }
    let [whole, fraction] = text.replace("-", "").split(".");
    const nothing = !/[1-9]/.test(whole + (fraction || ""));
    if (whole.length > 4) whole = whole.replace(/\B(?=(\d{3})+$)/g, THIN);
    return (text.startsWith("-") && !nothing ? "−" : "") + whole + (fraction ? "," + fraction : "");
  }

  function stepsOf(unit) {
    if (unit && unit.startsWith("suffix:")) return [[0, 1, unit.slice(7)]];
    return window.stacklabUnits[unit] || window.stacklabUnits.short;
  }

  function formatValue(value, unit = "short", decimals = null) {
    if (value === null || value === undefined || Number.isNaN(value)) return "—";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    const steps = stepsOf(unit);
    let step = steps.findLast((s) => Math.abs(value) >= s[0]) || steps[0];
    if (value === 0) step = steps.reduce((a, b) => (Math.abs(Math.log10(b[1])) < Math.abs(Math.log10(a[1])) ? b : a));
    const number = formatNumber(value / step[1], decimals);
    return step[2] ? number + (step[2] === "%" ? THIN : "\u00a0") + step[2] : number;
  }

  const pad = (n) => String(n).padStart(2, "0");
  const MONTHS = ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"];
  const clock = (d, seconds) => `${pad(d.getHours())}:${pad(d.getMinutes())}` + (seconds ? `:${pad(d.getSeconds())}` : "");
  function formatTime(ms) {
    const d = new Date(ms);
    const tenths = d.getMilliseconds() ? "," + String(d.getMilliseconds()).padStart(3, "0").replace(/0+$/, "") : "";
    return `${d.getDate()} ${MONTHS[d.getMonth()]}, ${clock(d, true)}${tenths}`;
  }

  const SECOND = 1000, MINUTE = 60000, HOUR = 3600000, DAY = 86400000;
  const TIME_STEPS = [1, 2, 5, 10, 15, 30].map((n) => n * SECOND)
    .concat([1, 2, 5, 10, 15, 30].map((n) => n * MINUTE), [1, 2, 3, 6, 12].map((n) => n * HOUR), [1, 2, 7, 14, 30].map((n) => n * DAY));
  function timeTicks(min, max, room) {
    const step = TIME_STEPS.find((s) => (max - min) / s <= room) || 90 * DAY;
    const shift = new Date(min).getTimezoneOffset() * MINUTE;
    const ticks = [];
    for (let t = Math.ceil((min - shift) / step) * step + shift; t <= max; t += step) ticks.push({ value: t });
    return { ticks, step };
  }
  function timeLabel(ms, step) {
    const d = new Date(ms);
    if (step >= DAY || (d.getHours() === 0 && d.getMinutes() === 0 && d.getSeconds() === 0)) return `${d.getDate()} ${MONTHS[d.getMonth()]}`;
    return clock(d, step < MINUTE);
  }

  // Marcas del eje vertical redondas en la unidad que se lee (0,25 s; 64 MiB), no en la que se guarda.
  function valueTicks(scale, unit) {
    const top = Math.max(Math.abs(scale.min), Math.abs(scale.max));
    const step = stepsOf(unit).findLast((s) => top >= s[0]) || stepsOf(unit)[0];
    const room = Math.max(2, Math.floor(scale.height / 30));
    const rough = (scale.max - scale.min) / step[1] / room;
    if (!(rough > 0)) return;
    const power = 10 ** Math.floor(Math.log10(rough));
    let size = [1, 2, 2.5, 5, 10].find((n) => n * power >= rough * 0.999) * power;
    if (unit === "none" || unit === "short") size = scale.max - scale.min >= 1 && size < 1 ? 1 : size;
    const every = size * step[1];
    const ticks = [];
    for (let n = Math.ceil(scale.min / every - 1e-9); n * every <= scale.max * (1 + 1e-9); n += 1) ticks.push({ value: n * every });
    scale.ticks = ticks;
  }

  // --- colores: los de la hoja de estilo, claros u oscuros -------------------------------------------
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  function color(name, index) {
    if (name === undefined || name === null) return css(`--s${(index % 8) + 1}`);
    if (/^[1-8]$/.test(String(name))) return css(`--s${name}`);
    if (["ok", "warn", "bad", "accent", "ink-soft", "line"].includes(name)) return css(`--${name}`);
    return name;
  }
  function veil(value, opacity) {
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = value;
    const hex = probe.fillStyle;
    return hex.startsWith("#") ? hex + Math.round(opacity * 255).toString(16).padStart(2, "0") : hex;
  }

  const crosshair = {
    id: "crosshair",
    beforeDatasetsDraw(chart) {
      const { ctx, chartArea: area, tooltip } = chart;
      const rule = (from, to, tint, dash) => {
        ctx.save(); ctx.strokeStyle = tint; ctx.setLineDash(dash); ctx.lineWidth = 1;
        ctx.beginPath(); ctx.moveTo(...from); ctx.lineTo(...to); ctx.stroke(); ctx.restore();
      };
      for (const { value, color: tint } of chart.$thresholds || []) {
        const y = chart.scales.y.getPixelForValue(value);
        if (y >= area.top && y <= area.bottom) rule([area.left, y], [area.right, y], color(tint), [6, 4]);
      }
      if (tooltip && tooltip.opacity && tooltip.dataPoints?.length) {
        const x = tooltip.dataPoints[0].element.x;
        rule([x, area.top], [x, area.bottom], css("--ink-soft"), [3, 3]);
      }
    },
  };

  // --- datos: todas las series sobre los mismos instantes; lo que falta es un hueco ------------------
  function aligned({ series, step }) {
    let times = [...new Set(series.flatMap((s) => s.points.map((p) => p[0])))].sort((a, b) => a - b);
    const gaps = times.slice(1).map((t, i) => t - times[i]);
    const usual = step ? step * 1.5 : 3 * ([...gaps].sort((a, b) => a - b)[gaps.length >> 1] || Infinity);
    times = times.flatMap((t, i) => (gaps[i] > usual ? [t, t + usual / 3] : [t]));
    return { times, rows: series.map((s) => { const at = new Map(s.points); return times.map((t) => ({ x: t, y: at.get(t) ?? null })); }) };
  }
  const alone = (data, i) => data[i] && data[i].y !== null && (data[i - 1]?.y ?? null) === null && (data[i + 1]?.y ?? null) === null;

  function datasets(spec, hidden, bare) {
    const { rows } = aligned(spec);
    const bars = spec.style === "bars";
    return spec.series.map((s, i) => {
      const tint = color(s.color, i);
      const fill = spec.fill ?? (bars ? 0.75 : spec.stacked ? 0.35 : bare ? 0.2 : spec.series.length === 1 ? 0.12 : 0);
      return {
        label: s.name, data: rows[i], type: bars ? "bar" : "line", hidden: hidden.has(s.name),
        borderColor: tint, backgroundColor: veil(tint, fill), borderWidth: bars ? 0 : 1.75,
        borderDash: !bars && i >= 8 ? [5, 3] : [], fill: fill > 0 ? (spec.stacked && i > 0 ? "-1" : "origin") : false,
        pointRadius: (c) => (!bare && alone(rows[i], c.dataIndex) ? 2.5 : 0), pointHoverRadius: bare ? 0 : 3.5,
        stepped: spec.stepped ? "before" : false, pointBackgroundColor: tint, pointHitRadius: 8, tension: 0, spanGaps: false, barPercentage: 0.9, categoryPercentage: 1,
        stack: spec.stacked ? "all" : undefined,
      };
    });
  }

  function options(spec, bare) {
    const unit = spec.unit || "short";
    const points = spec.series.flatMap((s) => s.points.map((p) => p[0]));
    const soft = css("--ink-soft"), line = css("--line");
    const least = Math.min(...spec.series.flatMap((s) => s.points.map((p) => p[1] ?? Infinity)));
    return {
      animation: false, responsive: true, maintainAspectRatio: false, normalized: true, parsing: false,
      interaction: { mode: "index", intersect: false }, events: bare ? [] : undefined,
      layout: { padding: bare ? 0 : { top: 6, right: 8 } },
      scales: {
        x: {
          type: "linear", display: !bare, min: spec.from ?? Math.min(...points), max: spec.to ?? Math.max(...points),
          offset: false, grid: { color: line, drawTicks: false, offset: false }, border: { color: line },
          afterBuildTicks(scale) { const t = timeTicks(scale.min, scale.max, Math.max(2, scale.chart.width / 78)); scale.ticks = t.ticks; scale.$step = t.step; },
          ticks: { color: soft, maxRotation: 0, autoSkip: false, padding: 6, font: { size: 11 }, callback(value) { return timeLabel(value, this.$step || MINUTE); } },
        },
        y: {
          display: !bare, stacked: Boolean(spec.stacked), min: spec.min ?? undefined, max: spec.max ?? undefined,
          suggestedMin: least >= 0 ? 0 : undefined, suggestedMax: spec.suggestedMax,
          grid: { color: line, drawTicks: false }, border: { display: false },
          afterBuildTicks(scale) { valueTicks(scale, unit); },
          ticks: { color: soft, padding: 8, autoSkip: false, font: { size: 11 }, callback: (value) => formatValue(value, unit, spec.decimals) },
        },
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          enabled: !bare, filter: (item) => item.parsed.y !== null && !Number.isNaN(item.parsed.y),
          backgroundColor: css("--surface"), titleColor: css("--ink"), bodyColor: css("--ink"), borderColor: line, borderWidth: 1,
          padding: 10, boxPadding: 5, cornerRadius: 6, usePointStyle: true, titleFont: { size: 12 }, bodyFont: { size: 12 },
          callbacks: {
            title: (items) => (items.length ? formatTime(items[0].parsed.x) : ""),
            label: (item) => ` ${item.dataset.label}: ${formatValue(item.parsed.y, unit, spec.decimals)}`,
            labelColor: (item) => ({ borderColor: item.dataset.borderColor, backgroundColor: item.dataset.borderColor }),
          },
        },
      },
    };
  }

  // --- la leyenda: botones que esconden y enseñan cada serie -----------------------------------------
  function legend(element, entry) {
    const { spec, hidden } = entry;
    const old = element.querySelector(":scope > .legend, :scope > .legend-box");
    const mode = spec.legend || "list";
    if (mode === "hidden") { old?.remove(); return; }
    const focused = old?.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    const button = (s, i) => {
      const b = document.createElement("button");
      b.type = "button"; b.dataset.name = s.name; b.title = "Esconder o enseñar esta serie";
      b.setAttribute("aria-pressed", String(!hidden.has(s.name)));
      const mark = document.createElement("i");
      mark.style.background = color(s.color, i);
      b.append(mark, s.name);
      b.addEventListener("click", () => { hidden.has(s.name) ? hidden.delete(s.name) : hidden.add(s.name); draw(element, entry); });
      return b;
    };
    let box;
    if (mode === "table" && spec.series.some((s) => s.stats?.length)) {
      box = document.createElement("div");
      box.className = "legend-box";
      const table = document.createElement("table");
      table.className = "legend";
      const head = table.createTHead().insertRow();
      const titles = spec.series.find((s) => s.stats?.length).stats.map((s) => s[0]);
      ["", ...titles].forEach((text) => { const th = document.createElement("th"); th.textContent = text; if (text) th.className = "num"; head.append(th); });
      const body = table.createTBody();
      spec.series.forEach((s, i) => {
        const row = body.insertRow();
        row.insertCell().append(button(s, i));
        for (const [, text] of s.stats || []) { const cell = row.insertCell(); cell.className = "num"; cell.textContent = text; }
      });
      box.append(table);
    } else {
      box = document.createElement("ul");
      box.className = "legend";
      spec.series.forEach((s, i) => {
        const item = document.createElement("li");
        const b = button(s, i);
        for (const [title, text] of s.stats || []) { const small = document.createElement("small"); small.textContent = `${title} ${text}`; b.append(small); }
        item.append(b);
        box.append(item);
      });
    }
    const scroll = old?.scrollTop || 0;
    old ? old.replaceWith(box) : element.append(box);
    box.scrollTop = scroll;
    if (focused !== null) [...box.querySelectorAll("button")].find((b) => b.dataset.name === focused)?.focus();
  }

  function draw(element, entry) {
    const { spec, bare } = entry;
    let plot = element.querySelector(":scope > .plot");
    if (!plot) { plot = document.createElement("div"); plot.className = "plot"; element.prepend(plot); }
    if (!spec.series.some((s) => s.points.some((p) => p[1] !== null))) {
      entry.chart?.destroy(); entry.chart = null;
      plot.innerHTML = "";
      if (!bare) { const p = document.createElement("p"); p.className = "nothing"; p.textContent = spec.empty || "Sin datos todavía"; plot.append(p); }
      element.querySelector(":scope > .legend, :scope > .legend-box")?.remove();
      return;
    }
    const data = { datasets: datasets(spec, entry.hidden, bare) };
    if (entry.chart) {
      entry.chart.$thresholds = spec.thresholds;
      entry.chart.data = data; entry.chart.options = options(spec, bare); entry.chart.update("none");
    } else {
      plot.innerHTML = "";
      const canvas = document.createElement("canvas");
      canvas.setAttribute("role", "img");
      plot.append(canvas);
      entry.chart = new Chart(canvas, { type: spec.style === "bars" ? "bar" : "line", data, options: options(spec, bare), plugins: [crosshair] });
      if (spec.thresholds) { entry.chart.$thresholds = spec.thresholds; entry.chart.draw(); }
    }
    entry.chart.canvas.setAttribute("aria-label", spec.label || spec.series.map((s) => s.name).join(", "));
    if (!bare) legend(element, entry);
  }

  function chart(element, spec, bare = false) {
    element.classList.add("chart");
    if (bare) element.classList.add("sparkline");
    const entry = known.get(element) || { chart: null, hidden: new Set() };
    Object.assign(entry, { spec, bare });
    known.set(element, entry);
    draw(element, entry);
  }

  function forget(element) { known.get(element)?.chart?.destroy(); known.delete(element); }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const [element, entry] of known) draw(element, entry); });
  window.stacklab = Object.assign(window.stacklab || {}, {
    chart, sparkline: (element, spec) => chart(element, spec, true), forget, formatValue, formatNumber, formatTime, color,
  });
  document.addEventListener("DOMContentLoaded", () => {
    for (const element of document.querySelectorAll("[data-chart]")) chart(element, JSON.parse(element.dataset.chart));
  });
})();
