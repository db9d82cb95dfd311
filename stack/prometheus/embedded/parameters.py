"""Los parámetros de la API: horas, duraciones y listas, como los admite Prometheus."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from stack.prometheus.embedded.fields import ConfigProblem, duration_s

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


class BadParameter(ValueError):
    """Un parámetro que no vale; el mensaje es para quien llamó."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Los de una petición, vengan en la dirección o en un formulario. `selectors` son los `match[]`."""

    values: Mapping[str, str]
    selectors: tuple[str, ...]

    def text(self, name: str) -> str:
        """El parámetro `name`, vacío si no está."""
        return self.values.get(name, "")

    def instant_ms(self, name: str, default_s: float | None = None) -> int:
        """Una hora (segundos desde 1970 o RFC 3339) en milisegundos; `BadParameter` si no lo es."""
        written = self.text(name)
        if not written and default_s is not None:
            return round(default_s * 1000)
        try:
            seconds = float(written)
        except ValueError:
            if not _RFC3339.fullmatch(written):
                raise _unreadable(name, written, "timestamp") from None
            try:
                seconds = datetime.fromisoformat(written.upper()).timestamp()
            except (ValueError, OverflowError):
                raise _unreadable(name, written, "timestamp") from None
        if not math.isfinite(seconds) or abs(seconds) > 1e12:
            raise _unreadable(name, written, "timestamp")
        return round(seconds * 1000)

    def step_ms(self) -> int:
        """`step`: segundos o una duración (`15s`), en milisegundos; `BadParameter` si no es mayor que cero."""
        seconds = self._duration_s("step")
        if seconds <= 0:
            raise BadParameter(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
                "Try a positive integer"
            )
        return max(1, round(seconds * 1000))

    def seconds(self, name: str) -> float | None:
        """Un tiempo (segundos o una duración); `None` si no está, y `BadParameter` si no lo es."""
        return self._duration_s(name) if self.text(name) else None

    def _duration_s(self, name: str) -> float:
        written = self.text(name)
        try:
            seconds = float(written)
        except ValueError:
            try:
                seconds = duration_s(written, name)
            except ConfigProblem:
                raise _unreadable(name, written, "duration") from None
        if not math.isfinite(seconds) or abs(seconds) > 1e12:
            raise _unreadable(name, written, "duration")
        return seconds

    def limit(self) -> int | None:
        """`limit`: cuántos resultados como mucho; `None` si todos."""
        written = self.text("limit")
        if not written:
            return None
        if not re.fullmatch(r"\d+", written, re.ASCII):
            raise BadParameter('invalid parameter "limit": limit must be a non-negative number')
        return int(written) or None

    def between_ms(self) -> tuple[int, int]:
        """`start` y `end`; sin ellos, la última hora."""
        now = time.time()
        start, end = self.instant_ms("start", now - 3600), self.instant_ms("end", now)
        if end < start:
            raise BadParameter('invalid parameter "end": end timestamp must not be before start time')
        return start, end


async def parameters(request: Request) -> Parameters:
    """Los de `request`; en un POST, los del formulario mandan sobre los de la dirección."""
    values = dict(reversed(request.query_params.multi_items()))
    selectors = request.query_params.getlist("match[]")
    if request.method == "POST":
        form = await request.form()
        values |= {name: str(value) for name, value in reversed(form.multi_items())}
        selectors = [str(one) for one in form.getlist("match[]")] + selectors
    return Parameters(values, tuple(selectors))


def _unreadable(name: str, written: str, kind: str) -> BadParameter:
    return BadParameter(f'invalid parameter "{name}": cannot parse "{written}" to a valid {kind}')
