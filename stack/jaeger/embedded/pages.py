"""Las páginas: buscar trazas, mirar una por dentro y ver qué servicio llama a cuál."""

from __future__ import annotations

import os
import re
import shlex
import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stack.jaeger.embedded import query, wording
from stack.jaeger.embedded.models import Kind, Query, Store
from stack.jaeger.embedded.responses import short
from stack.jaeger.embedded.timeline import Summary, summarize, timeline
from stack.web import page

LOOKBACKS = {
    "5m": ("últimos 5 minutos", 5 * 60),
    "15m": ("últimos 15 minutos", 15 * 60),
    "1h": ("última hora", 3600),
    "6h": ("últimas 6 horas", 6 * 3600),
    "1d": ("último día", 24 * 3600),
    "2d": ("últimos 2 días", 48 * 3600),
}
LIMITS = (20, 50, 100, 500)
ORDERS = {
    "recientes": ("más recientes", lambda found: -found.start_ns),
    "largas": ("más largas", lambda found: -found.duration_ns),
    "cortas": ("más cortas", lambda found: found.duration_ns),
    "spans": ("con más spans", lambda found: -found.spans),
}
KINDS = {
    Kind.UNSPECIFIED: ("sin tipo", "quien lo midió no dijo qué papel hace"),
    Kind.INTERNAL: ("interno", "trabajo propio, sin hablar con nadie"),
    Kind.SERVER: ("servidor", "atiende una petición que le ha llegado"),
    Kind.CLIENT: ("cliente", "llama a otro y espera su respuesta"),
    Kind.PRODUCER: ("productor", "deja un mensaje y sigue, sin esperar a quien lo lea"),
    Kind.CONSUMER: ("consumidor", "recoge un mensaje y lo atiende"),
}


def prepare(app: Starlette) -> None:
    """Lo que las plantillas usan por su nombre."""
    app.state.templates.filters |= {
        "breakable": _breakable,
        "duration": wording.duration,
        "moment": wording.moment,
        "number": wording.number,
        "percent": wording.percent,
        "short": short,
    }
    app.state.templates.globals |= {"count": wording.count, "ago": wording.ago, "kinds": KINDS}


def _breakable(key: str) -> Markup:
    """El nombre de un atributo, que puede partirse detrás de cada punto pero no a mitad de palabra."""
    return Markup("<wbr>").join(re.split(r"(?<=[._])", key))


async def search(request: Request) -> Response:
    """`/search`: el formulario y los resultados. Entiende los mismos parámetros que la interfaz de Jaeger."""
    store: Store = request.app.state.store
    params = request.query_params
    if params.get("traceID"):
        return RedirectResponse(f"/trace/{params['traceID'].strip()}", status_code=303)
    problem, found = "", []
    try:
        wanted = _query(request)
        found = [summarize(trace, store) for trace in store.search(wanted)]
    except query.BadQuery as error:
        problem = str(error)
    order = params.get("sort", "recientes")
    found.sort(key=ORDERS.get(order, ORDERS["recientes"])[1])
    return page(
        request,
        "search.html",
        status=400 if problem else 200,
        problem=problem,
        found=found,
        dots=_dots(found),
        total=len(store),
        services=store.services(),
        operations=sorted({name for name, _ in store.operations(params.get("service", ""))}),
        tags=_as_logfmt(params.get("tags", "")),
        lookbacks=LOOKBACKS,
        lookback=params.get("lookback") if params.get("lookback") in LOOKBACKS else "2d",
        exact_window=bool(params.get("start")) and params.get("lookback") not in LOOKBACKS,
        limits=LIMITS,
        limit=params.get("limit", "20"),
        orders={name: (text, _with(request, sort=name)) for name, (text, _) in ORDERS.items()},
        order=order if order in ORDERS else "recientes",
        longest_ns=max((summary.duration_ns for summary in found), default=1),
        now_ns=time.time_ns(),
        otlp_port=os.environ.get("STACKLAB_PORT_OTLP", "4318"),
    )


async def trace(request: Request) -> Response:
    """`/trace/{id}`: la línea de tiempo de una traza."""
    store: Store = request.app.state.store
    text = request.path_params["trace_id"]
    try:
        found = store.get(query.trace_id(text))
    except query.BadQuery as error:
        return page(request, "missing.html", status=400, heading="Eso no es una traza", message=str(error))
    if found is None:
        message = (
            f"No hay ninguna traza con el identificador {text.lower()}. Los spans se mandan por tandas y pueden "
            "tardar unos segundos en llegar: recarga la página. También puede ser tan vieja que ya se haya "
            "olvidado, o de antes de que se reiniciara este servicio, que solo guarda en memoria."
        )
        return page(request, "missing.html", status=404, heading="Esa traza no está", message=message)
    return page(request, "trace.html", view=timeline(found, store), now_ns=time.time_ns())


async def dependencies(request: Request) -> Response:
    """`/dependencies`: qué servicio llama a cuál, sumando todas las trazas que hay."""
    store: Store = request.app.state.store
    calls = store.dependencies(0, time.time_ns() + query.DEPENDENCY_LOOKBACK_NS)
    between: list[dict[str, Any]] = [
        {
            "parent": parent,
            "parent_colour": store.colour(parent),
            "child": child,
            "child_colour": store.colour(child),
            "count": number,
        }
        for (parent, child), number in sorted(calls.items(), key=lambda item: -item[1])
        if parent != child
    ]
    most = max((row["count"] for row in between), default=1)
    return page(request, "dependencies.html", calls=between, most=most, total=len(store))


def _query(request: Request) -> Query:
    """La búsqueda del formulario: como la de la API, pero perdona comas, espacios y atributos en `clave=valor`."""
    params = dict(request.query_params)
    now = time.time_ns()
    seconds = LOOKBACKS.get(params.get("lookback", ""), LOOKBACKS["2d"])[1]
    # La interfaz de Jaeger manda siempre `start` y `end`, y con ellos la ventana de entonces. Si además dice
    # qué ventana era, vale más recalcularla: quien recarga quiere ver lo nuevo.
    relative = params.get("lookback") in LOOKBACKS or not params.get("start")
    sent = request.query_params
    minimum, maximum = (
        query.duration_ns(text, label) if text else 0
        for name, label in (("minDuration", "Dura al menos"), ("maxDuration", "Como mucho"))
        for text in (params.get(name, "").replace(",", ".").replace(" ", ""),)
    )
    if minimum and maximum and maximum < minimum:
        raise query.BadQuery("La duración máxima ha de ser mayor que la mínima.")
    limit = params.get("limit") or "20"
    if not limit.isdecimal():
        raise query.BadQuery(f"Cuántas trazas enseñar ha de ser un número, y ha llegado «{limit}».")
    wanted = Query(
        service=params.get("service", "") if params.get("service") != "all" else "",
        operation=params.get("operation", "") if params.get("operation") != "all" else "",
        start_ns=now - seconds * 10**9 if relative else query.instant_ns(sent, "start", 1000, 0),
        min_duration_ns=minimum,
        max_duration_ns=maximum,
        limit=int(limit),
        accepts=query.having(_tags(params.get("tags", ""))),
    )
    return wanted if relative else replace(wanted, end_ns=query.instant_ns(sent, "end", 1000, now))


def _tags(text: str) -> dict[str, str]:
    """Los atributos del formulario: `error=true http.route="/a b"`, o el JSON que pone la interfaz de Jaeger."""
    text = text.strip()
    if text.startswith("{"):
        return query.tags([], [text])
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise query.BadQuery(f"En los atributos hay unas comillas sin cerrar: {text}") from error
    pairs = [word.partition("=") for word in words]
    wrong = next((word for word, (_, equals, _) in zip(words, pairs, strict=True) if not equals), None)
    if wrong is not None:
        raise query.BadQuery(
            f"Los atributos se escriben clave=valor, separados por espacios; «{wrong}» no lo está."
        )
    return {key: value for key, _, value in pairs}


def _as_logfmt(text: str) -> str:
    """Lo que se enseña en el formulario aunque el URL traiga JSON."""
    try:
        wanted = _tags(text)
    except query.BadQuery:
        return text
    return " ".join(f'{key}="{value}"' if " " in value else f"{key}={value}" for key, value in wanted.items())


def _with(request: Request, **changes: str) -> str:
    return "/search?" + urlencode(dict(request.query_params) | changes)


def _dots(found: list[Summary]) -> list[dict[str, Any]]:
    """Cada traza como un punto: a la derecha las nuevas, arriba las largas (en escala de raíz)."""
    if len(found) < 2:
        return []
    first = min(summary.start_ns for summary in found)
    span_ns = max(summary.start_ns for summary in found) - first or 1
    longest = max(summary.duration_ns for summary in found)
    return [
        {
            "summary": summary,
            "x": round((summary.start_ns - first) / span_ns * 100, 2),
            "y": round((summary.duration_ns / longest) ** 0.5 * 100, 2),
            "size": round(min(22, 8 + summary.spans**0.5), 1),
        }
        for summary in found
    ]
