"""Kong por dentro: la configuración vigente y las fases por las que pasa cada petición."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stack.kong.embedded import replies, uri
from stack.kong.embedded.exchange import Body, Exchange, Peer, Request
from stack.kong.embedded.headers import Headers
from stack.kong.embedded.metrics import Metrics
from stack.kong.embedded.models import Config, PluginConfig
from stack.kong.embedded.otlp import Exporters
from stack.kong.embedded.plugins import PLUGINS
from stack.kong.embedded.plugins.base import Plugin, Runtime
from stack.kong.embedded.plugins.counters import Counters
from stack.kong.embedded.product import TOKEN
from stack.kong.embedded.proxy.client import BadRequest, ClientGone
from stack.kong.embedded.redact import secret_names
from stack.kong.embedded.redact import uri as redacted
from stack.kong.embedded.replies import Reply
from stack.kong.embedded.router import Router
from stack.kong.embedded.tracing import ERROR, Trace

_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class Recent:
    """Una petición ya contestada, para enseñarla. Sin consulta ni cabeceras: podrían llevar credenciales."""

    at: float
    method: str
    path: str
    status: int
    route: str | None
    service: str | None
    consumer: str | None
    by_service: bool
    total_ms: int
    kong_ms: int
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Una configuración con todo lo que de ella se calcula una sola vez."""

    config: Config
    router: Router
    plugins: tuple[Plugin, ...]
    traced: bool


class Gateway:
    """El estado entero de Kong. `clock` da segundos desde 1970 (las pruebas lo cambian)."""

    def __init__(self, config: Config, node_id: str, clock: Callable[[], float] = time.time) -> None:
        self.node_id = node_id
        self.metrics = Metrics(node_id)
        self.exporters = Exporters(node_id)
        self.counters = Counters()
        self.recent: deque[Recent] = deque(maxlen=_REMEMBERED)
        self.listening = False
        runtime = Runtime(lambda: self._loaded.config, clock, self.counters, self.metrics, self.exporters)
        self._plugins = {name: plugin(runtime) for name, plugin in PLUGINS.items()}
        self.load(config)

    @property
    def config(self) -> Config:
        """La configuración vigente."""
        return self._loaded.config

    def load(self, config: Config) -> None:
        """Pone otra configuración; las peticiones en marcha acaban con la que tenían."""
        active = sorted((self._plugins[name] for name in config.names()), key=lambda p: -p.priority)
        self._loaded = _Loaded(
            config=config,
            router=Router(config.routes),
            plugins=tuple(active),
            traced=any(p.name == "opentelemetry" and p.config["traces_endpoint"] for p in config.plugins),
        )

    def reset(self) -> None:
        """Como recién arrancado, con la misma configuración."""
        self.counters.reset()
        self.metrics.reset()
        self.recent.clear()

    def plugin(self, name: str) -> Plugin:
        """El plugin de ese nombre."""
        return self._plugins[name]

    def begin(self, request: Request, peer: Peer, body: Body | None) -> Exchange:
        """Empieza una petición."""
        x = Exchange(request, peer, body)
        x.upstream_query = request.query
        if self._loaded.traced:
            host = _host_name(request.headers.get("host") or peer.server_ip)
            x.trace = Trace(
                x.started_ns,
                {
                    "http.method": request.method,
                    "http.url": f"http://{host}{request.target}",
                    "http.host": host,
                    "http.scheme": "http",
                    "http.flavor": request.version,
                    "http.client_ip": peer.client_ip,
                    "net.peer.ip": peer.client_ip,
                    "kong.request.id": x.id,
                },
            )
        return x

    async def access(self, x: Exchange) -> Reply | None:
        """Elige la ruta y pasa los plugins. Una respuesta termina la petición; `None`: hay que ir al servicio."""
        loaded = self._loaded
        path = uri.normalize(x.request.path)
        refusal = self._route(loaded, x, path)
        if refusal is not None:
            x.plugins = [c for p in loaded.plugins if (c := loaded.config.plugin_for(p.name, None, None, None))]
            return refusal
        reply: Reply | None = None
        for plugin in loaded.plugins:
            conf = loaded.config.plugin_for(plugin.name, x.route, x.service, x.consumer)
            if conf is None:
                continue
            x.plugins.append(conf)
            if reply is None and plugin.has("access"):
                reply = await self._run(plugin, conf, x)
        if reply is None and x.service is None:
            return x.error(503, "no Service found with those values")
        if reply is None:
            self._address(x, path)
        return reply

    def header_filter(self, x: Exchange, status: int, headers: Headers) -> None:
        """La fase de cabeceras: los plugins tocan las de la respuesta, la haya dado quien la haya dado."""
        x.status, x.answered_at = status, time.monotonic()
        if x.trace is not None:
            paths = (x.route.entity["paths"] if x.route else None) or [""]
            x.trace.root.attributes |= {"http.status_code": status, "http.route": paths[0]}
        for conf in x.plugins:
            plugin = self._plugins[conf.name]
            if not plugin.has("header_filter"):
                continue
            span = x.trace.start(f"kong.header_filter.plugin.{plugin.name}") if x.trace else None
            with _surviving(plugin):
                plugin.header_filter(x, conf, headers)
            if span is not None:
                span.finish()

    def log(self, x: Exchange) -> None:
        """La última fase: métricas, trazas y registros."""
        x.finished_at = time.monotonic()
        self.metrics.requests += 1
        if x.trace is not None:
            attributes = x.trace.root.attributes
            attributes["http.url"] = redacted(attributes["http.url"], secret_names(x))
            x.trace.finish(x.finished_ns)
        for conf in x.plugins:
            plugin = self._plugins[conf.name]
            with _surviving(plugin):
                plugin.log(x, conf)
        self.recent.appendleft(_recent(x))

    def _route(self, loaded: _Loaded, x: Exchange, path: str) -> Reply | None:
        span = x.trace.start("kong.router") if x.trace else None
        request = x.request
        host = request.headers.get("host") or ""
        match = loaded.router.match(request.method, host, x.peer.server_port, path, request.headers)
        if span is not None:
            span.status = 0 if match else ERROR
            span.finish()
        if match is None:
            return x.error(404, "no Route matched with those values")
        protocols = match.route.entity["protocols"]
        if "http" not in protocols:
            return _secure_only(x, match.route.entity["https_redirect_status_code"])
        x.route, x.service, x.matched_path = match.route, match.route.service, match.matched_path
        x.upstream_headers = _forwarded(x)
        return None

    async def _run(self, plugin: Plugin, conf: PluginConfig, x: Exchange) -> Reply | None:
        span = x.trace.start(f"kong.access.plugin.{plugin.name}") if x.trace else None
        try:
            return await plugin.access(x, conf)
        except (BadRequest, ClientGone):
            raise
        except Exception as error:  # Un plugin que falla es un 500, no una conexión cortada.
            print(f"{plugin.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            if span is not None:
                span.status, span.error = ERROR, str(error)
            reply = replies.as_json(500, {"message": replies.message_for(500)})
            return Reply(reply.status, reply.body, reply.headers, unexpected=True)
        finally:
            if span is not None:
                span.finish()

    def _address(self, x: Exchange, path: str) -> None:
        """Con qué camino y con qué `Host` se llama al servicio."""
        assert x.route is not None
        assert x.service is not None
        target = uri.upstream_path(path, matched=x.matched_path, strip=x.route.strip_path, base=x.service.path)
        query = x.upstream_query
        x.upstream_uri = uri.escape(target) + ("" if query is None else f"?{query}")
        x.upstream_host = x.request.headers.get("host") if x.route.preserve_host else None


@contextmanager
def _surviving(plugin: Plugin) -> Iterator[None]:
    """Cuando ya hay respuesta, un plugin que falla se anota y la petición sigue."""
    try:
        yield
    except Exception as error:
        print(f"{plugin.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def _secure_only(x: Exchange, status: int) -> Reply:
    if status == 426:
        upgrade = {"Connection": "Upgrade", "Upgrade": "TLS/1.2, HTTP/1.1"}
        return x.error(426, "Please use HTTPS protocol", upgrade)
    host = _host_name(x.request.headers.get("host") or x.peer.server_ip)
    return Reply(status, headers={"Location": f"https://{host}{x.request.target}"})


_REPLACED = ("host", "expect", "content-length", "x-real-ip", "x-kong-request-id")


def _forwarded(x: Exchange) -> Headers:
    """Las cabeceras con que se llama al servicio: las del cliente y quién es, por dónde vino y con qué número."""
    request, peer = x.request, x.peer
    headers = request.headers.end_to_end()
    for name in _REPLACED:
        headers.remove(name)
    chain = [*headers.all("x-forwarded-for"), peer.client_ip]
    headers.set("X-Forwarded-For", ", ".join(chain))
    headers.set("X-Forwarded-Proto", "http")
    headers.set("X-Forwarded-Host", _host_name(request.headers.get("host") or peer.server_ip))
    headers.set("X-Forwarded-Port", str(peer.server_port))
    headers.set("X-Forwarded-Path", request.path)
    headers.remove("X-Forwarded-Prefix")
    if x.route is not None and x.route.strip_path and x.matched_path not in ("", "/"):
        headers.set("X-Forwarded-Prefix", x.matched_path)
    headers.set("X-Real-IP", peer.client_ip)
    headers.set("Via", ", ".join([*headers.all("via"), f"{request.version} {TOKEN}"]))
    headers.set("X-Kong-Request-Id", x.id)
    if "trailers" in request.headers.tokens("te"):
        headers.set("TE", "trailers")
    return headers


def _host_name(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


def _recent(x: Exchange) -> Recent:
    return Recent(
        at=x.started_ns / 1e9,
        method=x.request.method,
        path=x.request.path,
        status=x.status,
        route=x.route.label if x.route else None,
        service=x.service.label if x.service else None,
        consumer=x.consumer.username if x.consumer else None,
        by_service=x.source == "service",
        total_ms=x.total_ms,
        kong_ms=x.kong_ms,
        trace_id=x.trace.trace_id if x.trace and x.trace.sampled else None,
    )
