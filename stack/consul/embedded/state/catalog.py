"""El catálogo: nodo, servicios y comprobaciones, y el índice del último cambio de cada cosa.

Sigue https://developer.hashicorp.com/consul/docs/concepts/catalog. Cada pregunta tiene su índice, y por eso quien
espera un cambio en `pagos` no se despierta cuando cambia `correo`:

=====================  ===========================================================================================
`services`, `nodes`    cambian al dar de alta, modificar o dar de baja un servicio
`checks`               cambia con cualquier comprobación
el de cada servicio    cambia con él, con sus comprobaciones y con las del nodo
`extinction`           cuándo se fue por última vez el último de un servicio: lo que se dice de uno que no existe
=====================  ===========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

CRITICAL, WARNING, PASSING = "critical", "warning", "passing"
STATES = (PASSING, WARNING, CRITICAL)
NODE_CHECK = "serfHealth"


@dataclass(frozen=True, slots=True)
class Service:
    """Una instancia de un servicio, como la da de alta su agente. `tags` y `meta` son `None` si no se dijeron."""

    id: str
    name: str
    tags: tuple[str, ...] | None = None
    address: str = ""
    port: int = 0
    meta: Mapping[str, str] | None = None
    weights: tuple[int, int] = (1, 1)
    enable_tag_override: bool = False
    tagged_addresses: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    created: int = 0
    modified: int = 0

    def same_as(self, other: Service) -> bool:
        """Si dice lo mismo que `other`, sin contar los índices."""
        return replace(self, created=0, modified=0) == replace(other, created=0, modified=0)


@dataclass(frozen=True, slots=True)
class Check:
    """El estado de una comprobación. `service_id` vacío: es del nodo entero."""

    id: str
    name: str
    status: str = CRITICAL
    notes: str = ""
    output: str = ""
    service_id: str = ""
    service_name: str = ""
    service_tags: tuple[str, ...] | None = None
    type: str = ""
    interval: str = ""
    timeout: str = ""
    created: int = 0
    modified: int = 0

    def same_as(self, other: Check) -> bool:
        """Si dice lo mismo que `other`, sin contar lo que no es parte de su estado."""
        blank = {"created": 0, "modified": 0, "type": "", "interval": "", "timeout": ""}
        return replace(self, **blank) == replace(other, **blank)  # type: ignore[arg-type]


class Catalog:
    """Lo que hay dado de alta en el único nodo. `index` es siempre el de la escritura en curso."""

    def __init__(self, own: Service, index: int) -> None:
        self.services: dict[str, Service] = {}
        self.checks: dict[str, Check] = {}
        self._tables = {"nodes": index, "services": 0, "checks": 0}
        self._by_service: dict[str, int] = {}
        self._moved: dict[str, int] = {}
        self._extinction = 0
        self.node_created = index
        self.put_service(index, own)
        alive = Check(NODE_CHECK, "Serf Health Status", PASSING, output="Agent alive and reachable")
        self.put_check(index, alive)

    # --- Leer

    def instances(self, name: str) -> list[Service]:
        """Las instancias de un servicio, por identificador."""
        found = (one for one in self.services.values() if one.name.lower() == name.lower())
        return sorted(found, key=lambda one: one.id)

    def checks_of(self, service: Service) -> list[Check]:
        """Lo que dice si una instancia está sana: lo del nodo y después lo suyo, por identificador."""
        of_node = sorted((one for one in self.checks.values() if not one.service_id), key=lambda one: one.id)
        own = sorted((one for one in self.checks.values() if one.service_id == service.id), key=lambda one: one.id)
        return of_node + own

    def names(self) -> dict[str, list[str]]:
        """Los nombres de los servicios, cada uno con todas sus etiquetas."""
        tags: dict[str, dict[str, None]] = {}
        for one in self.services.values():
            tags.setdefault(one.name, {}).update(dict.fromkeys(one.tags or ()))
        return {name: list(tags[name]) for name in sorted(tags)}

    def table(self, *names: str) -> int:
        """El índice del último cambio de esas tablas (`nodes`, `services`, `checks`)."""
        return max(self._tables[name] for name in names)

    def service_index(self, name: str, *, exists: bool, checks: bool) -> int:
        """El índice de un servicio; de uno que no existe, el de la última vez que otro dejó de existir."""
        if not exists and self._extinction:
            return self._extinction
        tables = ("nodes", "services", "checks") if checks else ("nodes", "services")
        return self._by_service.get(name.lower(), self.table(*tables))

    def moved(self, name: str) -> int:
        """Cuándo cambió de nombre por última vez una instancia de `name`; 0 si ninguna.

        No está en el índice del servicio, pero a quien espera por su salud Consul sí se lo manda.
        """
        return self._moved.get(name.lower(), 0)

    # --- Escribir

    def put_service(self, index: int, service: Service) -> None:
        """Da de alta o modifica; si dice lo mismo que antes, no hay cambio."""
        old = self.services.get(service.id)
        if old is not None and old.same_as(service):
            return
        created = old.created if old else index
        self.services[service.id] = replace(service, created=created, modified=index)
        self._tables["services"] = self._tables["nodes"] = index
        self._by_service[service.name.lower()] = index
        if old is not None and old.name != service.name:
            self._moved[old.name.lower()] = index

    def put_check(self, index: int, check: Check) -> None:
        """Da de alta o modifica; si dice lo mismo que antes, no hay cambio."""
        service = self.services.get(check.service_id)
        if service is not None:
            check = replace(check, service_name=service.name, service_tags=service.tags)
        old = self.checks.get(check.id)
        if old is not None and old.same_as(check):
            return
        created = old.created if old else index
        self.checks[check.id] = replace(check, created=created, modified=index)
        self._tables["checks"] = index
        self._touch(index, self._affected(check))

    def delete_service(self, index: int, service_id: str) -> list[str]:
        """Da de baja una instancia con sus comprobaciones; devuelve cuáles eran."""
        service = self.services.get(service_id)
        if service is None:
            return []
        gone = [one.id for one in self.checks.values() if one.service_id == service_id]
        for check_id in gone:
            self.delete_check(index, check_id)
        del self.services[service_id]
        self._tables |= {"services": index, "nodes": index, "checks": index}
        self._left(index, service.name)
        return gone

    def delete_check(self, index: int, check_id: str) -> bool:
        """Quita una comprobación; dice si estaba."""
        check = self.checks.pop(check_id, None)
        if check is None:
            return False
        self._tables["checks"] = index
        self._touch(index, self._affected(check))
        if not check.service_id:
            self._tables["services"] = index
        return True

    def _affected(self, check: Check) -> Iterable[str]:
        if check.service_id:
            return [check.service_name]
        return {one.name for one in self.services.values()}

    def _touch(self, index: int, names: Iterable[str]) -> None:
        for name in names:
            self._by_service[name.lower()] = index

    def _left(self, index: int, name: str) -> None:
        """Una instancia de `name` ya no está: si era la última, se apunta."""
        if self.instances(name):
            self._by_service[name.lower()] = index
        else:
            self._by_service.pop(name.lower(), None)
            self._extinction = index
