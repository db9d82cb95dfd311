"""Llamar por HTTP a otro microservicio, o a un proveedor de fuera: JSON de ida y de vuelta, y plazos siempre."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from opentelemetry.instrumentation.utils import suppress_instrumentation
from urllib3.exceptions import HTTPError

from scenarios.kit.errors import Unavailable
from scenarios.kit.holding import patience
from scenarios.kit.telemetry import instrument_http

CONNECT_S = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """Lo que contestó: estado, cabeceras (en minúsculas) y el documento JSON (vacío, si no lo era)."""

    status: int
    headers: Mapping[str, str]
    document: Mapping[str, Any]


class Caller:
    """Quien llama a `who` y espera su respuesta `timeout_s` segundos como mucho. Sirve para varios hilos.

    No reintenta: cuándo se puede repetir una llamada lo sabe quien la hace.
    """

    def __init__(self, who: str, timeout_s: float) -> None:
        instrument_http()
        self._who, self._timeout_s = who, timeout_s
        self._pool = urllib3.PoolManager(retries=False, maxsize=40, num_pools=8)

    def post(self, url: str, document: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        """POST de `document` como JSON.

        Raises:
            Unavailable: no hubo respuesta. Puede que la orden llegase y puede que no.
        """
        return self._ask("POST", url, json.dumps(document).encode(), headers)

    def get(self, url: str, headers: Mapping[str, str], *, traced: bool = True) -> Reply:
        """GET; con `traced=False` no deja span (un sondeo cada segundo solo sería ruido).

        Raises:
            Unavailable: no hubo respuesta.
        """
        if traced:
            return self._ask("GET", url, None, headers)
        with suppress_instrumentation():
            return self._ask("GET", url, None, headers)

    def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        timeout = urllib3.Timeout(connect=CONNECT_S, read=patience(self._timeout_s))
        kind = {"Content-Type": "application/json"} if body is not None else {}
        try:
            response = self._pool.request(method, url, body=body, headers={**kind, **headers}, timeout=timeout)
            document = json.loads(response.data or b"{}")
        except (HTTPError, OSError) as error:
            raise Unavailable(self._who, error) from error
        except ValueError:
            document = {}
        found = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, found, document if isinstance(document, dict) else {})
