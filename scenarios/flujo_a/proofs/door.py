"""La entrada y la salida: lo que pasa entre el cliente, Kong y Uploads (A1, A2, A3, A8 y A9)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial

from scenarios.engine import read
from scenarios.engine.answer import Answer
from scenarios.engine.context import Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.proofs import answered_ok
from scenarios.engine.trace import Span
from scenarios.flujo_a import spans
from scenarios.flujo_a.client import PATH, TRIAL_KEY, token, uploaded
from scenarios.flujo_a.proofs.found import download
from stack.spanish import in_bytes


def a1(run: Run) -> Evidence:
    """Kong recibió esta petición y la dejó pasar; y no deja pasar ninguna de las tres malas."""
    answer = run.answer()
    if 400 <= answer.status < 500 and "via" not in answer.headers:  # Kong pone Via solo en lo que dejó pasar
        raise NotProven("Kong rechazó la petición.", final=True)
    seen = run.until(lambda: _kong_span(run), "Jaeger")
    url = run.env["KONG_PROXY_URL"] + PATH
    bad: dict[str, dict[str, str]] = {
        "sin token": {},
        "con un token caducado": {"Authorization": f"Bearer {token(run, lifetime_s=-60)}"},
        "con una firma falsa": {"Authorization": f"Bearer {token(run, secret='otro secreto' * 4)}"},
    }
    for how, headers in bad.items():
        call = partial(read.ask, run, "POST", url, headers=headers | read.untraced(run))
        refused = run.until(call, "Kong")
        if refused.status != 401:
            raise NotProven(f"Kong contestó {refused.status} a una llamada {how}; se esperaba 401.", final=True)
    return Evidence(
        "Kong",
        "su span es de esta petición · sin token, caducado y falso: 401",
        {"traza": run.trace_id, "span de Kong": seen.span_id, "respuesta a los tres tokens malos": 401},
    )


def _kong_span(run: Run) -> Span:
    for span in run.trace().find(spans.KONG):
        if span.parent_id == run.span_id:
            return span
    raise NotProven("En Jaeger no está el span de Kong para esta petición.")


def a2(run: Run) -> Evidence:
    """El contador de llamadas de Kong baja justo en uno entre dos llamadas seguidas."""
    answer = run.answer()
    if answer.status == 0:  # la respuesta no llegó: se comparan dos llamadas nuevas
        answer = _one_more_call(run)
    before, limit = _remaining(answer), answer.headers.get("ratelimit-limit", "")
    for _ in range(5):
        after = _remaining(_one_more_call(run))
        if after == before - 1:
            return Evidence(
                "Kong",
                f"token válido · quedaban {before} llamadas y ahora {after}, de {limit}",
                {"RateLimit-Limit": limit, "quedaban": before, "quedan": after},
            )
        before = after  # empezó otra ventana, o alguien más llamó: se vuelve a mirar
    raise NotProven(f"RateLimit-Remaining no baja de uno en uno: se quedó en {before} de {limit}.", final=True)


def _one_more_call(run: Run) -> Answer:
    """Una llamada más, con buen token y sin foto: pasa por Kong y no llega a guardar nada."""
    headers = {"Authorization": f"Bearer {token(run)}", **read.untraced(run)}
    return run.until(lambda: read.ask(run, "POST", run.env["KONG_PROXY_URL"] + PATH, headers=headers), "Kong")


def _remaining(answer: Answer) -> int:
    if "ratelimit-remaining" not in answer.headers:
        raise NotProven("La respuesta de Kong no trae RateLimit-Remaining: no está contando llamadas.", final=True)
    return int(answer.headers["ratelimit-remaining"])


def provoke_limit(run: Run, at_most: int = 20) -> Evidence:
    """A petición de la persona: llama, con una aplicación de pruebas, hasta que Kong dice basta (429)."""
    headers = {"Authorization": f"Bearer {token(run, issuer=TRIAL_KEY)}", **read.untraced(run)}
    for number in range(1, at_most + 1):
        answer = read.ask(run, "POST", run.env["KONG_PROXY_URL"] + PATH, headers=headers)
        if answer.status == 429:
            wait = answer.headers.get("retry-after", "")
            return Evidence("Kong", f"429 en la llamada {number}", {"llamadas": number, "Retry-After": wait})
    raise NotProven(f"Kong dejó pasar {at_most} llamadas seguidas.", final=True)


def a3(run: Run) -> Evidence:
    """La petición llegó a Uploads de manos de Kong."""
    above, below = run.until(
        lambda: read.edge(run, "kong", spans.UPLOAD_REQUEST, "la petición en Uploads"), "Jaeger"
    )
    return Evidence(
        "Jaeger",
        f"{above.service} → {below.service} · {below.name}",
        {"padre (Kong)": above.span_id, "hijo (Uploads)": below.span_id, "traza": run.trace_id},
    )


def a8(run: Run) -> Evidence:
    """Uploads contestó 200 a Kong."""
    return answered_ok(run, "Uploads", spans.UPLOAD_REQUEST)


def a9(run: Run) -> Evidence:
    """El cliente recibió un 200 con una dirección, y esa dirección devuelve la foto."""
    answer, upload = run.answer(), uploaded(run)
    if not answer.ok:
        raise NotProven(f"El cliente no recibió un 200: {answer}.", final=True)
    url = str((answer.json() or {}).get("url", ""))
    content = run.until(lambda: download(run, url), "Kong")
    if hashlib.sha256(content).hexdigest() != upload.sha256:
        raise NotProven(f"{url} devuelve {in_bytes(content)} que no son los enviados.", final=True)
    return Evidence(
        "Kong",
        f"{answer.status} · {url} devuelve la misma foto",
        {"estado": answer.status, "url": url, "sha256 descargado": upload.sha256, **_latencies(answer.headers)},
    )


def _latencies(headers: Mapping[str, str]) -> dict[str, str]:
    names = {"x-kong-upstream-latency": "tardó Uploads (ms)", "x-kong-proxy-latency": "añadió Kong (ms)"}
    return {text: headers[name] for name, text in names.items() if name in headers}
