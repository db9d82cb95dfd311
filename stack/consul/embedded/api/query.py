"""Lo que se puede pedir en cualquier lectura, y las esperas largas (*blocking queries*).

Sigue https://developer.hashicorp.com/consul/api-docs/features/blocking y …/features/consistency. Con `index` la
respuesta espera a que haya algo más nuevo que ese índice, o a que pase `wait`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request

from stack.consul.embedded.errors import NotCovered, Refused
from stack.consul.embedded.golang import SECOND_NS, BadDuration, BadNumber, parse_duration, parse_uint
from stack.consul.embedded.server import DATACENTER
from stack.consul.embedded.state.log import Log

DEFAULT_WAIT_S, MAX_WAIT_S = 300.0, 600.0
_JITTER = 16


@dataclass(frozen=True, slots=True)
class Options:
    """`index` 0: se contesta ya. `wait_s`: lo que se espera como mucho."""

    index: int = 0
    wait_s: float = DEFAULT_WAIT_S
    consistency: str = "leader"
    node_meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """Lo que se sabe ahora y su índice. `watched` es lo que tiene que cambiar para despertar a quien espera.

    No basta con el índice: el de una tabla crece con cosas que a quien espera le dan igual.
    """

    index: int
    value: Any
    watched: Any


def require_common(params: QueryParams) -> None:
    """Lo que vale para cualquier petición: los espacios de nombres son de pago y los filtros no se cubren."""
    if params.get("ns"):
        raise Refused(400, 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature')
    if params.get("partition"):
        raise Refused(400, 'Invalid query parameter: "partition" - Partitions are a Consul Enterprise feature')
    if params.get("filter"):
        raise NotCovered(
            "El suplente de Consul no entiende expresiones en «filter»: filtra con «tag» o «passing»."
        )


def options(params: QueryParams) -> Options:
    """Lo que pide la dirección.

    Raises:
        Refused: un parámetro no se entiende, o el centro de datos no es este.
    """
    if "stale" in params and "consistent" in params:
        raise Refused(400, "Cannot specify ?stale with ?consistent, conflicting semantics.")
    wait_s = DEFAULT_WAIT_S
    try:
        if written := params.get("wait"):
            wait_s = parse_duration(written) / SECOND_NS
    except BadDuration as error:
        raise Refused(400, "Invalid wait time") from error
    try:
        index = parse_uint(params["index"]) if params.get("index") else 0
    except BadNumber as error:
        raise Refused(400, "Invalid index") from error
    wanted = params.get("datacenter") or params.get("dc") or DATACENTER
    if wanted != DATACENTER:
        raise Refused(500, "No path to datacenter")
    consistency = "stale" if "stale" in params else "consistent" if "consistent" in params else "leader"
    pairs = (one.partition(":") for one in params.getlist("node-meta"))
    return Options(
        index,
        min(wait_s, MAX_WAIT_S) if wait_s > 0 else DEFAULT_WAIT_S,
        consistency,
        {key: value for key, _, value in pairs},
    )


async def answer(log: Log, request: Request, wanted: Options, ask: Callable[[], Result]) -> Result:
    """Lo que contesta `ask`, cuando sea más nuevo que el índice de `wanted` o se acabe la espera.

    Si quien preguntó se va, deja de esperar.
    """
    if not wanted.index:
        return ask()
    loop = asyncio.get_running_loop()
    # Consul alarga cada espera un poco, al azar, para que no vuelvan todas a la vez.
    deadline = loop.time() + wanted.wait_s * (1 + random.random() / _JITTER)
    gone = loop.create_task(_disconnected(request))
    try:
        result = first = ask()
        while True:
            if result is not first and result.watched == first.watched:
                result = first  # nada de lo suyo: como si no se hubiera vuelto a mirar
            elif result.index > wanted.index:
                return result
            left_s = deadline - loop.time()
            if left_s <= 0 or log.closing or gone.done():
                return result
            change = log.change()
            try:
                await asyncio.wait({change, gone}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                change.cancel()
            result = ask()
    finally:
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
