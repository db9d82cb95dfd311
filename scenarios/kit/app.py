"""La fábrica de aplicaciones: lo que todo microservicio tiene sin tener que escribirlo.

Trazas, métricas en `/metrics`, salud en `/health` y `/ready`, su apunte en Consul, logs en JSON, errores con su
código y parada ordenada.

A `/health`, `/ready` y `/metrics` les preguntan sin parar, también cuando no hay nadie más: se contestan antes de
entrar en la aplicación, sin trazas, sin contarlas y casi sin gasto.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from socket import socket
from types import FrameType
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from opentelemetry import context
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from scenarios.kit.discovery import Registration
from scenarios.kit.errors import Missing, Unavailable
from scenarios.kit.metrics import READY, HttpMetrics, exposition
from scenarios.kit.settings import optional, required
from scenarios.kit.telemetry import instrument_app, shutdown_telemetry

_log = logging.getLogger(__name__)


def create_app(
    title: str,
    *,
    running: Callable[[], AbstractContextManager[object]] = nullcontext,
    healthy: Callable[[], bool] = lambda: True,
    not_ready: Callable[[], str] | None = None,
    measure: Callable[[], None] | None = None,
) -> FastAPI:
    """Una aplicación FastAPI con todo lo común puesto.

    Args:
        title: el nombre que se enseña en la documentación de la API.
        running: contexto que dura lo que dure el proceso; al entrar prepara lo que haga falta y al salir recoge.
        healthy: lo que contesta `/health` (200 o 503): si el proceso está vivo. Quien no lo está se reinicia.
        not_ready: por qué no puede atender ahora, o vacío si puede: lo que contesta `/ready`. Es lo que mira
            Consul; a quien no está listo no se le manda nadie, pero tampoco se le mata: puede no ser culpa suya.
            Corre en un hilo: puede preguntar a otros.
        measure: lo que hay que averiguar justo antes de enseñar las métricas (en `/metrics`). También en un hilo.
    """
    registration = Registration.from_env(title)
    instance = optional("SERVICE_ID", title)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with running():
            if registration is not None:
                registration.start()
            _log.info("en marcha")
            yield
            _log.info("parando")
        shutdown_telemetry()

    # Sin `/docs` ni `/redoc`: cargan su código de internet. La descripción de la API está en `/openapi.json`.
    app = FastAPI(title=title, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.registration = registration
    app.add_middleware(HttpMetrics)

    async def health() -> Response:
        fine = healthy()
        return JSONResponse({"status": "ok" if fine else "failing", "service": title}, 200 if fine else 503)

    async def ready() -> Response:
        reason = "" if healthy() else "el proceso no está bien: véase /health"
        if not reason and not_ready is not None:
            reason = await asyncio.to_thread(not_ready)
        READY.set(not reason)
        document = {"status": "not ready" if reason else "ready", "service": title, "instance": instance}
        return JSONResponse(document | ({"reason": reason} if reason else {}), 503 if reason else 200)

    async def metrics() -> Response:
        if measure is not None:
            await asyncio.to_thread(measure)
        body, media_type = exposition()
        return Response(body, media_type=media_type)

    app.state.probes = {"/health": health, "/ready": ready, "/metrics": metrics}

    @app.exception_handler(Unavailable)
    def unavailable(request: Request, error: Unavailable) -> Response:
        _log.error("no disponible: %s", error)
        return JSONResponse({"detail": f"{error.who} no contesta ahora mismo. Vuelve a intentarlo."}, 503)

    @app.exception_handler(Missing)
    def missing(request: Request, error: Missing) -> Response:
        return JSONResponse({"detail": "No existe."}, 404)

    instrument_app(app)
    return app


def door(app: FastAPI) -> ASGIApp:
    """`app` con lo que va delante de ella: de quién se fía, los sondeos y una traza para cada petición.

    Solo se atiende a quien nos llama por un nombre nuestro. Si no, una página de internet podría apuntar el suyo a
    esta máquina (*DNS rebinding*) y hablar con lo que se creía a salvo por no estar abierto al mundo.
    """
    return TrustedHostMiddleware(OwnTrace(_Probes(app, app.state.probes)), allowed_hosts=own_names())


def own_names() -> list[str]:
    """Los nombres con que se nos puede llamar: los de esta máquina, los que damos a los demás para que nos llamen
    y los que diga `ALLOWED_HOSTS`, separados por comas."""
    ours = {"localhost", "127.0.0.1", "[::1]", "host.docker.internal", *optional("ALLOWED_HOSTS", "").split(",")}
    given = (optional(name, "") for name in ("CHECK_URL", "ADVERTISE_ADDRESS", "METRICS_ADDRESS"))
    ours |= {urlsplit(one if "://" in one else f"//{one}").hostname or "" for one in given}
    return sorted(ours - {""})


class _Probes:
    """Contesta los sondeos en la puerta; lo demás lo atiende la aplicación."""

    def __init__(self, app: ASGIApp, probes: Mapping[str, Callable[[], Awaitable[Response]]]) -> None:
        self._app, self._probes = app, probes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and (answer := self._probes.get(scope["path"])):
            await (await answer())(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class OwnTrace:
    """Envuelve una aplicación ASGI para que cada petición empiece sin traza heredada.

    Por una conexión que se reutiliza, uvicorn lee la petición siguiente desde dentro de la anterior, y con ella
    el span que estuviera abierto. Sin esto la segunda petición colgaría de la traza de la primera.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = context.attach(context.Context())
        try:
            await self._app(scope, receive, send)
        finally:
            context.detach(token)


class _Server(uvicorn.Server):
    """Uvicorn que, al parar, antes de cerrar la puerta se borra de Consul: si no, seguirían mandándole gente.

    Y que no se despierta diez veces por segundo a ver si hay que parar, que sin nadie a quien atender sería casi
    todo su gasto: se le avisa, y una vez por segundo pone en hora la cabecera `Date`.
    """

    def __init__(self, config: uvicorn.Config, registration: Registration | None) -> None:
        super().__init__(config)
        self._registration = registration
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stopping.wait()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        if self._registration is not None:
            await asyncio.to_thread(self._registration.leave)
        await super().shutdown(sockets)


def serve(app: FastAPI) -> None:
    """Sirve `app` en `HOST:PORT` hasta SIGTERM; las peticiones a medias tienen tres segundos para acabar."""
    config = uvicorn.Config(
        door(app),
        host=optional("HOST", "127.0.0.1"),
        port=int(required("PORT")),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    server = _Server(config, app.state.registration)
    server.run()
    if not server.started:
        raise SystemExit(3)  # ya se dijo por qué en el log
