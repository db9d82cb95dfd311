"""La Status API: lo que miran quien comprueba si Kong está listo y quien recoge sus métricas."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stack.kong.embedded.admin import responses
from stack.kong.embedded.gateway import Gateway


def status_routes(gateway: Gateway) -> list[Route]:
    """`/status`, `/status/ready` y `/metrics` (https://docs.konghq.com/gateway/3.9.x/production/monitoring/)."""

    async def ready(request: Request) -> Response:
        problem = _problem(gateway)
        return responses.answer(503 if problem else 200, {"message": problem or "ready"})

    async def status(request: Request) -> Response:
        return responses.answer(200, responses.status(gateway))

    async def metrics(request: Request) -> Response:
        enabled = any(plugin.name == "prometheus" for plugin in gateway.config.plugins)
        text = gateway.metrics.text(enabled=enabled)
        return PlainTextResponse(text, media_type="text/plain; charset=UTF-8")

    return [Route("/status/ready", ready), Route("/status", status), Route("/metrics", metrics)]


def _problem(gateway: Gateway) -> str | None:
    if not gateway.listening:
        return "router builds not yet complete, router ready in 0 of 1 workers"
    if gateway.config.empty:
        return "no configuration available (empty configuration present)"
    return None
