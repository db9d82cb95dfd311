"""`/v1/catalog/…` y `/v1/health/…`: qué hay, dónde está y si está sano."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from stack.consul.embedded import responses
from stack.consul.embedded.api.query import Options, Result, answer, options
from stack.consul.embedded.errors import NotCovered, Refused
from stack.consul.embedded.golang import parse_bool
from stack.consul.embedded.server import DATACENTER, VERSION, Server
from stack.consul.embedded.state.catalog import PASSING, Check, Service

_NODE_META = {"consul-network-segment": "", "consul-version": VERSION}


class CatalogApi:
    """Las preguntas al catálogo. Todas admiten esperas largas."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._catalog = server.catalog

    async def datacenters(self, request: Request) -> Response:
        """Solo hay uno."""
        return responses.body([DATACENTER])

    async def nodes(self, request: Request) -> Response:
        """El nodo."""

        def ask(wanted: Options) -> Result:
            nodes = [responses.node(self._server)] if _here(wanted) else []
            return Result(self._catalog.table("nodes"), nodes, nodes)

        return await self._answer(request, ask)

    async def services(self, request: Request) -> Response:
        """Los nombres de los servicios y sus etiquetas."""

        def ask(wanted: Options) -> Result:
            tables = ("services", "nodes") if wanted.node_meta else ("services",)
            index = self._catalog.table(*tables)
            if not _here(wanted):
                return Result(index, {}, None)  # y en ese nodo, que no está, no va a cambiar nada
            return Result(index, self._catalog.names(), list(self._catalog.services.values()))

        return await self._answer(request, ask)

    async def service(self, request: Request) -> Response:
        """Las instancias de un servicio, sanas o no."""
        return await self._answer(
            request,
            self._instances(request, checks=False),
            lambda found: [responses.catalog_service(self._server, one) for one in found],
        )

    async def node(self, request: Request) -> Response:
        """Lo que hay en un nodo."""
        name = _named(request, "node name")

        def ask(wanted: Options) -> Result:
            if name.lower() not in (self._server.node.lower(), self._server.node_id):
                return Result(0, None, None)
            services = sorted(self._catalog.services.values(), key=lambda one: one.id)
            shape = {
                "Node": responses.node(self._server),
                "Services": {one.id: responses.node_service(one) for one in services},
            }
            return Result(self._catalog.table("nodes"), shape, shape)

        return await self._answer(request, ask)

    async def health_service(self, request: Request) -> Response:
        """Las instancias de un servicio con sus comprobaciones; con `passing`, solo las sanas."""
        only_passing, streamed = _passing(request), bool(options(request.query_params).index)

        def shape(found: list[Service]) -> Any:
            rows = [responses.health(self._server, one, streamed=streamed) for one in found]
            if only_passing:
                return [row for row in rows if all(check["Status"] == PASSING for check in row["Checks"])]
            return rows

        return await self._answer(request, self._instances(request, checks=True), shape, streamed=streamed)

    async def health_checks(self, request: Request) -> Response:
        """Las comprobaciones de un servicio."""
        name = _named(request, "service name")
        return await self._checks(request, lambda one: one.service_name.lower() == name.lower())

    async def health_state(self, request: Request) -> Response:
        """Las comprobaciones en un estado, o todas (`any`)."""
        state = _named(request, "check state")
        return await self._checks(request, lambda one: state in ("any", one.status))

    async def health_node(self, request: Request) -> Response:
        """Las comprobaciones de un nodo."""
        name = _named(request, "node name")
        return await self._checks(request, lambda one: name.lower() == self._server.node.lower())

    def _instances(self, request: Request, *, checks: bool) -> Callable[[Options], Result]:
        name = _named(request, "service name")
        tags = {one.lower() for one in request.query_params.getlist("tag")}
        if request.query_params.get("peer"):
            raise NotCovered("El suplente de Consul no tiene otros clústeres («peer»).")

        def ask(wanted: Options) -> Result:
            every = self._catalog.instances(name)
            index = self._catalog.service_index(name, exists=bool(every), checks=checks)
            if checks and wanted.index:
                index = max(index, self._catalog.moved(name))
            found = [one for one in every if tags <= {tag.lower() for tag in one.tags or ()} and _here(wanted)]
            # Para la salud cuenta también cada comprobación, y de eso lleva la cuenta el índice del servicio.
            return Result(index, found, index if checks and every else every)

        return ask

    async def _checks(self, request: Request, wanted: Callable[[Check], bool]) -> Response:
        def ask(_: Options) -> Result:
            found = sorted(filter(wanted, self._catalog.checks.values()), key=lambda one: one.id)
            shape = [responses.check(self._server, one) for one in found]
            return Result(self._catalog.table("checks"), shape, found)

        return await self._answer(request, ask)

    async def _answer(
        self,
        request: Request,
        ask: Callable[[Options], Result],
        shape: Callable[[Any], Any] = lambda value: value,
        *,
        streamed: bool = False,
    ) -> Response:
        wanted = options(request.query_params)
        result = await answer(self._server.log, request, wanted, lambda: ask(wanted))
        return responses.read(result, wanted, shape(result.value), streamed=streamed)


def _named(request: Request, what: str) -> str:
    name: str = request.path_params["name"]
    if not name:
        raise Refused(400, f"Missing {what}")
    return name


def _here(wanted: Options) -> bool:
    """Si el nodo cumple lo que se pide de sus metadatos (`node-meta`)."""
    return all(_NODE_META.get(key) == value for key, value in wanted.node_meta.items())


def _passing(request: Request) -> bool:
    written = request.query_params.get("passing")
    if not written:
        return written is not None
    value = parse_bool(written)
    if value is None:
        raise Refused(400, "Invalid value for ?passing")
    return value
