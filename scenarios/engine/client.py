"""Hacer de cliente: la llamada que provoca un flujo, con su span y con lo que puede ir mal dicho en una frase."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from scenarios.engine.answer import Answer
from scenarios.engine.client_span import export_client_span
from scenarios.engine.context import Run
from scenarios.engine.relay import losing_replies
from scenarios.kit.wire import DESK

CONNECT_S, HELD_S = 3, 3600


def call(
    run: Run,
    method: str,
    base: str,
    path: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    whom: str,
    patience_s: float = 20,
    lost_reply: bool = False,
    silent: bool = False,
) -> Answer:
    """Llama a `base` + `path` como un cliente de esta ejecución y devuelve lo que contestó.

    `whom` es a quién se llama, para decir que no contesta. Con `lost_reply` la petición llega y la respuesta se
    pierde por el camino; con `silent`, el cliente no cuenta su parte a Jaeger.
    """
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

    sent = {**headers, **run.headers(), **({"Connection": "close"} if lost_reply else {})}
    # Si alguien puede parar la petición a mitad, hay que esperarla lo que haga falta.
    patience = Timeout(connect=CONNECT_S, read=HELD_S if DESK in run.baggage else patience_s)
    start = time.time_ns()
    with _through(base, lost_reply) as door:
        try:
            response = run.clients.http.request(method, door + path, body=body, headers=sent, timeout=patience)
            found = {name.lower(): value for name, value in response.headers.items()}
            answer = Answer(response.status, found, response.data)
        except HTTPError as error:
            answer = Answer(0, problem=_problem(error, whom))
    if not silent:
        attributes: dict[str, str | int] = {"http.request.method": method, "url.path": path}
        if answer.status:
            attributes["http.response.status_code"] = answer.status
        with suppress(HTTPError, OSError):
            export_client_span(run, f"{method} {path}", start, time.time_ns(), attributes)
    return answer


def _problem(error: Exception, whom: str) -> str:
    from urllib3.exceptions import NewConnectionError, ReadTimeoutError

    if isinstance(error, NewConnectionError):
        return f"no se pudo conectar con {whom}"
    if isinstance(error, ReadTimeoutError):
        return f"{whom} no contestó a tiempo"
    return "la conexión se cortó sin que llegase la respuesta"


@contextmanager
def _through(base: str, lost_reply: bool) -> Iterator[str]:
    """La dirección a la que se llama: la de siempre, o la de quien deja pasar la ida y corta la vuelta."""
    if not lost_reply:
        yield base
        return
    address = urlsplit(base)
    with losing_replies(str(address.hostname), int(address.port or 80)) as relay:
        yield f"http://{relay}"
