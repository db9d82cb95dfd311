// Al elegir un servicio se piden sus operaciones; sin JavaScript aparecen después de buscar.
"use strict";
const form = document.getElementById("search-form");
form.service.addEventListener("change", async () => {
  const service = form.service.value;
  const names = [];
  if (service) {
    const answer = await fetch(`/api/services/${encodeURIComponent(service)}/operations`);
    names.push(...((await answer.json()).data ?? []));
  }
  form.operation.replaceChildren(new Option("Todas", ""), ...names.map((name) => new Option(name)));
});
