"""Encontrar a quién llamar: la pregunta a Consul y su respuesta (C1 y C2)."""

from __future__ import annotations

from functools import partial
from urllib.parse import parse_qs, urlsplit

from scenarios.engine import read
from scenarios.engine.context import Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.read import InstanceFact
from scenarios.engine.trace import Span
from scenarios.flujo_c import spans
from scenarios.flujo_c.client import SERVICE


def c1(run: Run) -> Evidence:
    """Finanzas preguntó a este Consul, en esta petición, y pidió solo las sanas."""
    asked = run.until(lambda: _asked(run), "Jaeger")
    url = urlsplit(str(asked.attributes["url.full"]))
    if url.netloc != run.env["CONSUL_HTTP_ADDR"]:
        raise NotProven(f"Finanzas preguntó a {url.netloc}, que no es Consul.", final=True)
    if "passing" not in parse_qs(url.query, keep_blank_values=True):
        raise NotProven("Finanzas preguntó por todas las instancias, también por las enfermas.", final=True)
    known = run.until(lambda: _known(run), "Consul")
    unwell = [one.id for one in known if not one.passing]
    return Evidence(
        "Consul",
        f"GET {url.path}?passing → {asked.status} · conoce {len(known)} y {len(unwell)} no está sana",
        {
            "pregunta": f"{url.path}?{url.query}",
            "estado": asked.status,
            "span": asked.span_id,
            "apuntadas": [one.id for one in known],
            "enfermas": unwell,
            "por qué": [_why(one) for one in known if not one.passing],
        },
    )


def _why(one: InstanceFact) -> str:
    return " ".join(one.problem.split()) or "Consul todavía no ha podido comprobarla"


def _asked(run: Run) -> Span:
    """La primera pregunta contestada. Si la petición ya acabó y no está, no la hubo."""
    trace = run.trace()
    for span in trace.find(spans.ASK):
        if span.status == 200:
            return span
    ended = next(trace.find(spans.REQUEST), None) is not None
    raise NotProven("En Jaeger no está la pregunta de Finanzas a Consul, contestada.", final=ended)


def _known(run: Run) -> tuple[InstanceFact, ...]:
    known = read.registered(run, SERVICE).instances
    if not known:
        raise NotProven(f"En Consul no hay ninguna instancia de «{SERVICE}» apuntada.")
    return known


def c2(run: Run) -> Evidence:
    """Lo que Consul contestó: una instancia que entonces ya estaba sana y que de verdad está en esa dirección."""
    answered = run.until(lambda: answer_index(run), "Jaeger")
    given = run.until(lambda: handed_out(run, answered), "Consul")
    for one in given:
        run.until(partial(_is_there, run, one), one.id)
    left_out = [one.id for one in read.registered(run, SERVICE).instances if not one.passing]
    first = given[0]
    return Evidence(
        "Consul",
        f"{first.id} en {first.address} · índice {answered}" + (f" · se calla {left_out[0]}" if left_out else ""),
        {
            "X-Consul-Index de la respuesta": answered,
            "instancias dadas": [f"{one.id} = {one.address}" for one in given],
            "su último cambio (ModifyIndex)": [str(one.modified) for one in given],
            "instancias calladas": left_out,
        },
    )


def answer_index(run: Run) -> int:
    """El `X-Consul-Index` de la respuesta que recibió Finanzas, apuntado en el span de su pregunta."""
    header = str(_asked(run).attributes.get("http.response.header.x_consul_index", "")).strip("[]\"'\\ ()")
    if not header.isdigit():
        raise NotProven("La respuesta de Consul no llevaba X-Consul-Index.", final=True)
    return int(header)


def handed_out(run: Run, index: int) -> tuple[InstanceFact, ...]:
    """Las instancias que iban en la respuesta de índice `index`: las sanas que no han cambiado desde entonces."""
    known = read.registered(run, SERVICE)
    given = tuple(one for one in known.healthy if one.modified <= index)
    if index > known.index:
        raise NotProven(f"Consul va por el índice {known.index}, y la respuesta era la {index}.", final=True)
    if not given:
        raise NotProven(f"Consul no tiene ninguna instancia sana de «{SERVICE}» que lo fuera ya entonces.")
    return given


def _is_there(run: Run, one: InstanceFact) -> None:
    """En esa dirección contesta esa instancia, y dice ser ella."""
    try:
        answer = read.ask(run, "GET", f"http://{one.address}/ready")
    except Exception as error:
        tried = run.answered is not None  # Finanzas tampoco pudo llamarla: esperar más no cambia nada
        raise NotProven(f"Consul da a {one.id} en {one.address}, y ahí no contesta nadie.", final=tried) from error
    said = answer.json()
    name = said.get("instance") if isinstance(said, dict) else None
    if name != one.id:
        raise NotProven(f"En {one.address}, donde debería estar {one.id}, contesta {name or 'otro programa'}.")
