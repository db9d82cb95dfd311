"""Una petición en marcha: lo que llegó, lo que se decide sobre ella y lo que se contesta.

Es lo que reciben los plugins, como el PDK de Kong: leen de `request`, cambian `upstream_headers` (lo que verá
el servicio) y `response_headers` (lo que verá el cliente).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlencode

from stack.kong.embedded import replies
from stack.kong.embedded.headers import Headers
from stack.kong.embedded.replies import Reply

if TYPE_CHECKING:
    from stack.kong.embedded.models import Consumer, Credential, PluginConfig, Route, Service
    from stack.kong.embedded.tracing import Trace


class Body(Protocol):
    """El cuerpo de la petición, que todavía puede estar llegando."""

    @property
    def length(self) -> int | None:
        """Los bytes anunciados en `Content-Length`, o `None` si no se sabe."""

    @property
    def expects_continue(self) -> bool:
        """Si el cliente espera permiso (`Expect: 100-continue`) para mandarlo."""

    async def spool(self, limit: int) -> int | None:
        """Lo recibe entero (a un fichero temporal si es grande): su tamaño, o `None` si pasa de `limit`."""


@dataclass(slots=True)
class Request:
    """Lo que mandó el cliente. `target` es la línea tal como llegó; `path` va sin consulta ni fragmento."""

    method: str
    target: str
    version: str
    headers: Headers

    @property
    def path(self) -> str:
        """El camino, en crudo."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str | None:
        """La consulta en crudo; `None` si no hay `?`, vacía si no hay nada detrás."""
        _, mark, query = self.target.partition("?")
        return query if mark else None

    def arguments(self, name: str) -> list[str]:
        """Los valores del argumento `name` de la consulta."""
        return [value for key, value in parse_qsl(self.query or "", keep_blank_values=True) if key == name]

    def cookie(self, name: str) -> str | None:
        """El valor de una cookie."""
        for header in self.headers.all("cookie"):
            for pair in header.split(";"):
                key, mark, value = pair.strip().partition("=")
                if mark and key == name:
                    return value
        return None


@dataclass(frozen=True, slots=True)
class Try:
    """Un intento de hablar con el servicio: adónde, desde cuándo (ns de reloj) y cómo falló, si falló."""

    ip: str
    port: int
    started_ns: int
    state: str | None = None
    code: int | None = None
    ended_ns: int | None = None


@dataclass(slots=True)
class Peer:
    """Los dos extremos de la conexión con el cliente."""

    client_ip: str
    client_port: int
    server_ip: str
    server_port: int
    connection: int = 0
    connection_requests: int = 0


@dataclass(slots=True)
class Exchange:
    """Una petición, de principio a fin. Los instantes `…_at` son segundos de `time.monotonic()`."""

    request: Request
    peer: Peer
    body: Body | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    started_at: float = field(default_factory=time.monotonic)
    started_ns: int = field(default_factory=time.time_ns)

    route: Route | None = None
    service: Service | None = None
    matched_path: str = ""
    consumer: Consumer | None = None
    credential: Credential | None = None
    plugins: list[PluginConfig] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    trace: Trace | None = None

    upstream_headers: Headers = field(default_factory=Headers)
    upstream_query: str | None = None
    upstream_uri: str = ""
    upstream_host: str | None = None
    tries: list[Try] = field(default_factory=list)

    response_headers: Headers = field(default_factory=Headers)
    status: int = 0
    source: str = "error"
    proxied: bool = False
    proxied_at: float | None = None
    answered_at: float | None = None
    finished_at: float | None = None
    finished_ns: int | None = None
    request_size: int = 0
    response_size: int = 0

    def error(self, status: int, message: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Un error de Kong, con el identificador de esta petición y en el formato que pidió el cliente."""
        accept = self.request.headers.get("accept")
        return replies.error(status, message, request_id=self.id, accept=accept, headers=headers)

    def authenticate(
        self, consumer: Consumer | None, credential: Credential | None, identifier: str | None
    ) -> None:
        """Apunta quién llama y se lo cuenta al servicio en las cabeceras `X-Consumer-*`."""
        self.consumer, self.credential = consumer, credential
        self._tell("X-Consumer-ID", consumer.id if consumer else None)
        self._tell("X-Consumer-Custom-ID", consumer.custom_id if consumer else None)
        self._tell("X-Consumer-Username", consumer.username if consumer else None)
        self._tell("X-Credential-Identifier", identifier)
        self._tell("X-Anonymous-Consumer", None if credential else "true")

    def hide_argument(self, name: str) -> None:
        """Quita un argumento de la consulta que verá el servicio."""
        pairs = parse_qsl(self.upstream_query or "", keep_blank_values=True)
        kept = [pair for pair in pairs if pair[0] != name]
        if len(kept) != len(pairs):
            self.upstream_query = urlencode(kept) or None

    @property
    def waited_ms(self) -> int | None:
        """Lo que tardó el servicio en empezar a contestar (`X-Kong-Upstream-Latency`)."""
        if self.proxied_at is None or self.answered_at is None:
            return None
        return int((self.answered_at - self.proxied_at) * 1000)

    @property
    def kong_ms(self) -> int:
        """Lo que tardó Kong hasta llamar al servicio o, si contestó él, hasta contestar."""
        end = self.proxied_at if self.proxied_at is not None else self.answered_at
        return int(((end if end is not None else time.monotonic()) - self.started_at) * 1000)

    @property
    def total_ms(self) -> int:
        """Lo que duró entera, hasta el último byte de la respuesta."""
        end = self.finished_at if self.finished_at is not None else time.monotonic()
        return int((end - self.started_at) * 1000)

    def _tell(self, name: str, value: str | None) -> None:
        if value is None:
            self.upstream_headers.remove(name)
        else:
            self.upstream_headers.set(name, value)
