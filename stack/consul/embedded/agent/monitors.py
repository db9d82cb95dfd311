"""Quien vigila: una tarea por comprobación de HTTP o TCP, un reloj por cada TTL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from stack.consul.embedded.agent.check_definition import CheckDefinition
from stack.consul.embedded.agent.http_check import Outcome, check_http, check_tcp
from stack.consul.embedded.golang import SECOND_NS, decoded
from stack.consul.embedded.state.catalog import CRITICAL, WARNING

MIN_INTERVAL_S = 1.0
"""Consul no comprueba más a menudo, aunque se le pida."""

FIRST_AFTER_S = 0.1
"""Consul hace la primera en un momento al azar del primer intervalo; el suplente, casi enseguida."""

Notify = Callable[[str, str], None]
"""A quien se le dice cómo está: estado y qué se cuenta de él."""


class Monitor(Protocol):
    """Algo que vigila hasta que se le para."""

    def stop(self) -> None:
        """Deja de vigilar."""
        ...


class Threshold:
    """Cuántas veces seguidas tiene que ir bien, o mal, para que cambie el estado."""

    def __init__(self, definition: CheckDefinition, notify: Notify) -> None:
        self._definition = definition
        self._notify = notify
        self._good = self._bad = 0

    def update(self, outcome: Outcome) -> None:
        """Un resultado más."""
        if outcome.status != CRITICAL:
            self._good, self._bad = self._good + 1, 0
            if self._good >= self._definition.success_before_passing:
                self._notify(outcome.status, outcome.output)
            return
        self._good, self._bad = 0, self._bad + 1
        if self._bad >= self._definition.failures_before_critical:
            self._notify(CRITICAL, outcome.output)
        elif self._bad >= self._definition.failures_before_warning:
            self._notify(WARNING, outcome.output)


class Poller:
    """Comprueba cada `interval`, contado desde que acaba la anterior."""

    def __init__(self, definition: CheckDefinition, notify: Notify) -> None:
        self._definition = definition
        self._threshold = Threshold(definition, notify)
        self._check: Callable[[CheckDefinition], Awaitable[Outcome]] = check_http if definition.http else check_tcp
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        interval_s = max(MIN_INTERVAL_S, self._definition.interval_ns / SECOND_NS)
        await asyncio.sleep(min(FIRST_AFTER_S, interval_s))
        while True:
            self._threshold.update(await self._check(self._definition))
            await asyncio.sleep(interval_s)

    def stop(self) -> None:
        """Deja de comprobar, aunque sea a medias."""
        self._task.cancel()


class Deadline:
    """Un TTL: si pasa su tiempo sin noticias, crítico."""

    def __init__(self, definition: CheckDefinition, notify: Notify) -> None:
        self._seconds = definition.ttl_ns / SECOND_NS
        self._output_max = definition.output_max
        self._notify = notify
        self._last = ""
        self._restart()

    def news(self, status: str, output: str) -> None:
        """El servicio dice cómo está: se apunta (recortado, si es largo) y el reloj empieza otra vez."""
        data = output.encode()
        if len(data) > self._output_max:
            output = f"{decoded(data[: self._output_max])} ... (captured {self._output_max} of {len(data)} bytes)"
        self._last = output
        self._notify(status, output)
        self._timer.cancel()
        self._restart()

    def _restart(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)

    def _expire(self) -> None:
        last = f" (last output before timeout follows): {self._last}" if self._last else ""
        self._notify(CRITICAL, f"TTL expired{last}")

    def stop(self) -> None:
        """Deja de contar."""
        self._timer.cancel()


def watch(definition: CheckDefinition, notify: Notify) -> Monitor:
    """Empieza a vigilar lo que dice `definition`."""
    return Deadline(definition, notify) if definition.type == "ttl" else Poller(definition, notify)
