// Pone la página al día sin recargarla. Se entera como cualquier cliente de Consul: una petición que no contesta
// hasta que algo cambia (https://developer.hashicorp.com/consul/api-docs/features/blocking). Con la pestaña
// escondida no pregunta nada; mientras se selecciona texto, no toca nada.
"use strict";
(() => {
  const REFRESH_MS = 5000;
  const root = () => document.querySelector("[data-watch]");
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  let controller = null;

  const busy = () => document.hidden || !getSelection().isCollapsed;

  async function refresh() {
    if (busy()) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-watch]");
      const old = root();
      if (!fresh || busy()) return;
      const open = [...old.querySelectorAll("details[open][id]")].map((one) => one.id);
      for (const id of open) fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
      if (fresh.innerHTML !== old.innerHTML) old.innerHTML = fresh.innerHTML;
      old.classList.remove("stale");
    } catch {
      root().classList.add("stale");
    }
  }

  async function watch() {
    let index = 0;
    for (;;) {
      if (document.hidden) {
        await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
        index = 0;
      }
      try {
        controller = new AbortController();
        const url = new URL(root().dataset.watch, location.href);
        if (index) {
          url.searchParams.set("index", index);
          url.searchParams.set("wait", "60s");
        }
        const answer = await fetch(url, { signal: controller.signal });
        const seen = Number(answer.headers.get("X-Consul-Index")) || 0;
        if (index && seen !== index) await refresh();
        index = seen < index ? 0 : seen; // si retrocede es que Consul se reinició: se empieza de nuevo
        if (!seen) await pause(REFRESH_MS);
      } catch {
        if (!document.hidden) root().classList.add("stale");
        index = 0;
        await pause(2000);
      }
    }
  }

  // Las horas relativas avanzan aunque nada cambie.
  document.addEventListener("visibilitychange", () => (document.hidden ? controller?.abort() : refresh()));
  setInterval(refresh, REFRESH_MS);
  watch();
})();
