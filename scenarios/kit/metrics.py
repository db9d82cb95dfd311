"""Las métricas que tiene todo microservicio y la página donde Prometheus las lee.

Las etiquetas son siempre de un conjunto pequeño: la plantilla de la ruta (`/api/avatars/{user}/{file}`) y no la
ruta, nunca el usuario. Cada combinación de etiquetas es una serie que Prometheus guarda aparte.
"""

from __future__ import annotations

import time
from typing import Any

import prometheus_client
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    REGISTRY,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # una serie menos por contador: cuándo nació no le interesa a nadie

for _own in (GC_COLLECTOR, PLATFORM_COLLECTOR):  # ni la versión de Python ni su recogida de basura
    REGISTRY.unregister(_own)

_REQUESTS = Counter("http_requests_total", "Peticiones HTTP atendidas.", ["method", "route", "status"])
_DURATION = Histogram(
    "http_request_duration_seconds",
    "Lo que tarda en contestarse una petición HTTP.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
READY = Gauge("service_ready", "1 si la última vez que se le preguntó estaba listo para atender; 0 si no.")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpMetrics:
    """Middleware ASGI que cuenta cada petición y mide lo que tarda."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def watch(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            route = getattr(scope.get("route"), "path", "unmatched")
            _REQUESTS.labels(method, route, str(status)).inc()
            _DURATION.labels(method, route).observe(time.perf_counter() - began)


def exposition() -> tuple[bytes, str]:
    """Todas las métricas del proceso en el formato de texto de Prometheus, y su tipo de contenido."""
    return generate_latest(), CONTENT_TYPE_LATEST
