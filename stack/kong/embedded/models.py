"""Lo que Kong tiene en memoria: sus entidades y quién manda sobre cada petición. Nada de HTTP aquí."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Entity = dict[str, Any]
"""Una entidad completa, tal como la enseña la Admin API."""


@dataclass(frozen=True, slots=True)
class Service:
    """Un servicio: a quién se llama y con cuánta paciencia (los plazos, en segundos)."""

    id: str
    name: str | None
    host: str
    port: int
    path: str
    retries: int
    connect_timeout_s: float
    write_timeout_s: float
    read_timeout_s: float
    entity: Entity

    @property
    def label(self) -> str:
        """Cómo se llama en métricas y páginas."""
        return self.name or self.host


@dataclass(frozen=True, slots=True)
class Route:
    """Una ruta: qué peticiones son suyas (`entity` lleva las condiciones) y a qué servicio van."""

    id: str
    name: str | None
    service: Service | None
    strip_path: bool
    preserve_host: bool
    entity: Entity

    @property
    def label(self) -> str:
        """Cómo se llama en métricas y páginas."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class Consumer:
    """Quien llama, ya identificado."""

    id: str
    username: str | None
    custom_id: str | None
    groups: tuple[str, ...]
    entity: Entity


@dataclass(frozen=True, slots=True)
class Credential:
    """Con qué se identificó. `key` es pública; `secret` y `public_key` no salen nunca de aquí."""

    id: str
    consumer_id: str
    key: str
    entity: Entity
    algorithm: str = ""
    secret: str = field(default="", repr=False)
    public_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class PluginConfig:
    """Un plugin configurado en un sitio: en todo Kong, en un servicio, en una ruta o para un consumidor."""

    id: str
    name: str
    config: Mapping[str, Any]
    route_id: str | None
    service_id: str | None
    consumer_id: str | None
    entity: Entity

    @property
    def scope(self) -> tuple[str | None, str | None, str | None]:
        """`(ruta, servicio, consumidor)`: dónde está puesto."""
        return self.route_id, self.service_id, self.consumer_id


Scope = tuple[str | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Config:
    """Una configuración cargada: las entidades y sus índices. No cambia: recargar es poner otra.

    `hash` es el de Kong: el MD5 del texto, o ceros si no hay ninguna entidad.
    """

    entities: Mapping[str, Mapping[str, Entity]]
    services: Mapping[str, Service]
    routes: tuple[Route, ...]
    consumers: Mapping[str, Consumer]
    jwt_by_key: Mapping[str, Credential]
    keyauth_by_key: Mapping[str, Credential]
    plugins: tuple[PluginConfig, ...]
    hash: str
    _by_name: Mapping[str, Mapping[Scope, PluginConfig]]

    @property
    def empty(self) -> bool:
        """Si no hay nada configurado: entonces Kong no se da por listo."""
        return not any(self.entities.values())

    def names(self) -> Iterable[str]:
        """Los plugins que están puestos en algún sitio."""
        return self._by_name.keys()

    def consumer(self, name: str) -> Consumer | None:
        """El consumidor con ese id o ese `username`."""
        if name in self.consumers:
            return self.consumers[name]
        return next((c for c in self.consumers.values() if c.username == name), None)

    def plugin_for(
        self, name: str, route: Route | None, service: Service | None, consumer: Consumer | None
    ) -> PluginConfig | None:
        """Qué configuración de `name` rige una petición: la más concreta (kong/runloop/plugins_iterator.lua)."""
        scopes = self._by_name.get(name)
        if not scopes:
            return None
        ids = [entity.id if entity else None for entity in (route, service, consumer)]
        for scope in _most_specific_first(*ids):
            if scope in scopes:
                return scopes[scope]
        return None


def _most_specific_first(r: str | None, s: str | None, c: str | None) -> Iterator[Scope]:
    if r and s and c:
        yield r, s, c
    if r and c:
        yield r, None, c
    if s and c:
        yield None, s, c
    if r and s:
        yield r, s, None
    if c:
        yield None, None, c
    if r:
        yield r, None, None
    if s:
        yield None, s, None
    yield None, None, None


def index(plugins: Iterable[PluginConfig]) -> dict[str, dict[Scope, PluginConfig]]:
    """Los plugins activos por nombre y por sitio."""
    by_name: dict[str, dict[Scope, PluginConfig]] = {}
    for plugin in plugins:
        if plugin.entity.get("enabled", True):
            by_name.setdefault(plugin.name, {})[plugin.scope] = plugin
    return by_name
