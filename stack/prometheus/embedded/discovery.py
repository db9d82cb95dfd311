"""`consul_sd_configs`: preguntar a Consul qué instancias hay y dónde escuchan.

Sigue https://prometheus.io/docs/prometheus/latest/configuration/configuration/#consul_sd_config. Como Prometheus,
se entera de quién se apunta o se borra con una espera larga; lo que cambia de una instancia ya apuntada (su salud)
se vuelve a mirar cuando esa espera acaba. Si el fichero nombra los servicios, se pregunta cada `refresh_interval`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from stack.prometheus.embedded import fields
from stack.prometheus.embedded.fetching import fetch_whole
from stack.prometheus.embedded.fields import ConfigProblem, duration_s

_FIELDS = {"server", "services", "tags", "refresh_interval", "tag_separator"}
_META = "__meta_consul_"
WAIT_S = 8
"""Lo que dura, como mucho, cada espera larga."""


@dataclass(frozen=True, slots=True)
class ConsulDiscovery:
    """A qué Consul se pregunta y por qué servicios; sin ninguno, por todos."""

    server: str
    services: tuple[str, ...]
    tags: tuple[str, ...]
    refresh_s: float
    separator: str
    _seen: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Cómo se llama en un mensaje."""
        return f"Consul ({self.server})"

    async def find(self) -> list[Mapping[str, str]]:
        """Las instancias que hay ahora, con sus etiquetas `__meta_consul_*`.

        Raises:
            OSError, ValueError, TimeoutError, ScrapeFailed: Consul no contesta, o no con lo esperado.
        """
        names = self.services or await self._names()
        found: list[Mapping[str, str]] = []
        for name in names:
            for entry in await self._ask(f"/v1/health/service/{quote(name, safe='')}"):
                tags = entry["Service"].get("Tags") or []
                if set(self.tags) <= set(tags):
                    found.append(self._labels(entry, tags))
        return found

    async def _names(self) -> list[str]:
        """Los servicios con esas etiquetas; salvo la primera vez, cuando algo cambie o pase un rato."""
        index = self._seen.pop("index", "")
        waiting = f"?index={index}&wait={WAIT_S}s" if index else ""
        headers, body = await fetch_whole(f"http://{self.server}/v1/catalog/services{waiting}")
        self._seen["index"] = headers.get("x-consul-index", "")
        return [name for name, tags in json.loads(body).items() if set(self.tags) <= set(tags)]

    async def _ask(self, path: str) -> Any:
        _, body = await fetch_whole(f"http://{self.server}{path}")
        return json.loads(body)

    def _labels(self, entry: Mapping[str, Any], tags: list[str]) -> Mapping[str, str]:
        node, service = entry["Node"], entry["Service"]
        host = service.get("Address") or node.get("Address", "")
        states = {check.get("Status") for check in entry.get("Checks") or []}
        health = next((one for one in ("maintenance", "critical", "warning") if one in states), "passing")
        separator = self.separator
        labels = {
            "__address__": f"{host}:{service.get('Port', 0)}",
            f"{_META}address": node.get("Address", ""),
            f"{_META}dc": node.get("Datacenter", ""),
            f"{_META}health": health,
            f"{_META}node": node.get("Node", ""),
            f"{_META}service": service.get("Service", ""),
            f"{_META}service_address": service.get("Address", ""),
            f"{_META}service_id": service.get("ID", ""),
            f"{_META}service_port": str(service.get("Port", 0)),
            f"{_META}tags": separator + separator.join(tags) + separator,
        }
        for prefix, values in (
            ("service_metadata", service.get("Meta")),
            ("metadata", node.get("Meta")),
            ("tagged_address", node.get("TaggedAddresses")),
        ):
            for name, value in (values or {}).items():
                labels[f"{_META}{prefix}_{_clean(name)}"] = str(value)
        return labels


def _clean(name: str) -> str:
    return "".join(one if one.isascii() and (one.isalnum() or one == "_") else "_" for one in name)


def read_consul(item: Any, where: str) -> ConsulDiscovery:
    """Un elemento de `consul_sd_configs`; `ConfigProblem` con la ruta de lo que no vale."""
    item = fields.block(item, _FIELDS, where)
    refresh = duration_s(item.get("refresh_interval", "30s"), f"{where}.refresh_interval")
    if refresh <= 0:
        raise ConfigProblem(f"{where}.refresh_interval: tiene que ser mayor que cero")
    return ConsulDiscovery(
        fields.text(item, "server", "localhost:8500", where),
        tuple(str(one) for _, one in fields.many(item, "services", where)),
        tuple(str(one) for _, one in fields.many(item, "tags", where)),
        refresh,
        fields.text(item, "tag_separator", ",", where),
    )
