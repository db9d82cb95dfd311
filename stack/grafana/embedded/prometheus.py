"""Habla con la API de Prometheus. Pocas conexiones a la vez y una espera con límite.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from stack.grafana.embedded.models import Datasource

Params = Iterable[tuple[str, str]]
CONNECTIONS = 6
_TIMEOUT = urllib3.Timeout(connect=2, read=20)


class QueryError(Exception):
    """Prometheus no contestó o dijo que no. `hint` es qué hacer; `status`, el código HTTP que corresponde."""

    def __init__(self, message: str, *, hint: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.message, self.hint, self.status = message, hint, status


class Prometheus:
    """Las consultas a una fuente de datos. Se puede usar desde varios hilos a la vez."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(
            num_pools=4, maxsize=CONNECTIONS, block=True, timeout=_TIMEOUT, retries=False
        )

    def range(self, source: Datasource, expr: str, start_ms: int, end_ms: int, step_ms: int) -> Sequence[Any]:
        """Las series de `query_range`: `[{metric, values: [[segundos, texto], …]}, …]`."""
        params = [("query", expr), ("start", f"{start_ms / 1000:.3f}"), ("end", f"{end_ms / 1000:.3f}")]
        data = self.get(source, "query_range", [*params, ("step", f"{step_ms / 1000:g}")])
        return list(data.get("result") or ())

    def instant(self, source: Datasource, expr: str, at_ms: int) -> Mapping[str, Any]:
        """El `data` de `query`: `{resultType, result}`."""
        return dict(self.get(source, "query", [("query", expr), ("time", f"{at_ms / 1000:.3f}")]))

    def get(self, source: Datasource, path: str, params: Params) -> Any:
        """El `data` de una llamada que ha ido bien; si no, `QueryError`."""
        status, _, body = self.forward(
            source, "POST" if path.startswith("query") else "GET", f"api/v1/{path}", params
        )
        try:
            answer = json.loads(body)
        except ValueError:
            raise QueryError(f"{source.name} contestó {status} y no es JSON.", status=502) from None
        if status >= 400 or answer.get("status") != "success":
            raise QueryError(str(answer.get("error") or f"{source.name} contestó {status}"), status=status)
        return answer["data"]

    def forward(
        self, source: Datasource, method: str, path: str, params: Params, form: Params = ()
    ) -> tuple[int, str, bytes]:
        """Pasa una petición tal cual. Devuelve `(código, tipo de contenido, cuerpo)`."""
        url, fields = f"{source.url}/{path}", urlencode(list(params))
        body, headers = None, {}
        if method == "POST":
            body = urlencode([*params, *form]).encode()
            headers = {"content-type": "application/x-www-form-urlencoded"}
        elif fields:
            url = f"{url}?{fields}"
        try:
            answer = self._pool.request(method, url, body=body, headers=headers, redirect=False)
        except urllib3.exceptions.ReadTimeoutError:
            raise QueryError(
                f"{source.name} no ha contestado en 20 segundos.", hint="Prueba con menos tiempo.", status=504
            ) from None
        except (urllib3.exceptions.HTTPError, OSError):
            raise QueryError(
                f"{source.name} no contesta en {urlsplit(source.url).netloc}.",
                hint=f"Arráncalo con «stacklab up {source.type}».",
                status=502,
            ) from None
        return answer.status, answer.headers.get("content-type", "application/json"), answer.data
