"""`/v1/agent/…` y `/v1/status/…`: lo que un servicio dice a su agente, y lo que el agente dice de sí mismo."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from stack.consul.embedded import decoding, responses
from stack.consul.embedded.agent.check_definition import read_check
from stack.consul.embedded.agent.local import NODE_MAINTENANCE, SERVICE_MAINTENANCE, Watched
from stack.consul.embedded.agent.service_definition import read_service
from stack.consul.embedded.decoding import fields, text
from stack.consul.embedded.errors import NotCovered, Refused
from stack.consul.embedded.golang import parse_bool, quoted
from stack.consul.embedded.server import DATACENTER, VERSION, Server
from stack.consul.embedded.state.catalog import CRITICAL, PASSING, STATES, WARNING, Service

_HTTP_STATUS = {PASSING: 200, WARNING: 429, CRITICAL: 503, "maintenance": 503}


class AgentApi:
    """Las operaciones del agente."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._agent = server.agent

    # --- Quién es

    async def self(self, request: Request) -> Response:
        """Su configuración y su sitio en el grupo."""
        config = {
            "Datacenter": DATACENTER,
            "PrimaryDatacenter": DATACENTER,
            "NodeName": self._server.node,
            "NodeID": self._server.node_id,
            "Revision": "",
            "Server": True,
            "Version": VERSION,
            "BuildDate": "1970-01-01T00:00:01Z",
        }
        return responses.body({"Config": config, "Member": self._member(), "Meta": {}})

    async def members(self, request: Request) -> Response:
        """Los del grupo: uno."""
        return responses.body([self._member()])

    async def leader(self, request: Request) -> Response:
        """Quién manda."""
        return responses.body(self._server.address)

    async def peers(self, request: Request) -> Response:
        """Los servidores: uno."""
        return responses.body([self._server.address])

    def _member(self) -> dict[str, Any]:
        tags = {"dc": DATACENTER, "id": self._server.node_id, "role": "consul", "port": str(self._server.port)}
        return {
            "Name": self._server.node,
            "Addr": self._server.host,
            "Port": self._server.port,
            "Tags": tags | {"build": f"{VERSION}:", "segment": "", "vsn": "2"},
            "Status": 1,
            "ProtocolMin": 1,
            "ProtocolMax": 5,
            "ProtocolCur": 2,
            "DelegateMin": 2,
            "DelegateMax": 5,
            "DelegateCur": 4,
        }

    # --- Servicios

    async def services(self, request: Request) -> Response:
        """Los de esta máquina, por identificador."""
        services = sorted(self._agent.services.items())
        return responses.body({key: responses.agent_service(one) for key, one in services})

    async def service(self, request: Request) -> Response:
        """Uno."""
        service_id = request.path_params["name"]
        if request.query_params.get("hash"):
            raise NotCovered("El suplente de Consul espera cambios con «index», no con «hash».")
        service = self._agent.services.get(service_id)
        if service is None:
            raise Refused(404, f"unknown service ID: {service_id}")
        return responses.body(responses.agent_service(service))

    async def register(self, request: Request) -> Response:
        """Da de alta una instancia con sus comprobaciones."""
        definition = read_service(decoding.parse(await request.body()))
        written = request.query_params.get("replace-existing-checks")
        self._agent.register(definition, replace_checks=written in ("", "true"))
        return responses.empty()

    async def deregister(self, request: Request) -> Response:
        """La da de baja."""
        self._agent.deregister(request.path_params["name"])
        return responses.empty()

    async def health_by_id(self, request: Request) -> Response:
        """La salud de una instancia, también como estado HTTP (200, 429 o 503)."""
        service_id = request.path_params["name"]
        if not service_id:
            raise Refused(500, "Missing serviceID")
        service = self._agent.services.get(service_id)
        if service is None:
            reason = f"ServiceId {service_id} not found"
            missing = {"AggregatedStatus": CRITICAL, "Service": None, "Checks": None}
            return self._health(request, missing, 404, reason)
        checks = self._checks_of(service)
        status = _worst(checks)
        shape = responses.service_health(self._server, service, status, checks)
        return self._health(request, shape, _HTTP_STATUS[status], status)

    async def health_by_name(self, request: Request) -> Response:
        """La de todas las de un nombre; como estado HTTP, la peor."""
        name = request.path_params["name"]
        if not name:
            raise Refused(500, "Missing service Name")
        rows, code, reason = [], 404, f"ServiceName {name} Not Found"
        for service in sorted(self._agent.services.values(), key=lambda one: one.id):
            if service.name == name:
                checks = self._checks_of(service)
                status = _worst(checks)
                rows.append(responses.service_health(self._server, service, status, checks))
                if code == 404 or code < _HTTP_STATUS[status]:
                    code, reason = _HTTP_STATUS[status], status
        return self._health(request, rows, code, reason)

    def _health(self, request: Request, shape: Any, code: int, reason: str) -> Response:
        wanted = request.query_params.get("format")
        as_text = request.headers.get("accept", "").startswith("text/plain") or wanted == "text"
        if as_text:
            headers = {"X-Consul-Reason": reason, "Content-Type": "text/plain"}
            return responses.empty(code, headers, reason.encode())
        return responses.body(shape, code, {"X-Consul-Reason": reason})

    def _checks_of(self, service: Service) -> list[Watched]:
        found = (one for one in self._agent.checks.values() if one.check.service_id in ("", service.id))
        return sorted(found, key=lambda one: one.check.id)

    # --- Comprobaciones

    async def checks(self, request: Request) -> Response:
        """Las de esta máquina, por identificador."""
        checks = sorted(self._agent.checks.items())
        return responses.body({key: responses.check(self._server, one.check) for key, one in checks})

    async def register_check(self, request: Request) -> Response:
        """Añade una comprobación a un servicio o al nodo."""
        self._agent.register_check(read_check(decoding.parse(await request.body())))
        return responses.empty()

    async def deregister_check(self, request: Request) -> Response:
        """La quita."""
        self._agent.deregister_check(request.path_params["name"])
        return responses.empty()

    async def check_pass(self, request: Request) -> Response:
        """«Estoy bien»."""
        return self._news(request, PASSING)

    async def check_warn(self, request: Request) -> Response:
        """«Regular»."""
        return self._news(request, WARNING)

    async def check_fail(self, request: Request) -> Response:
        """«Estoy mal»."""
        return self._news(request, CRITICAL)

    async def check_update(self, request: Request) -> Response:
        """Cualquiera de las tres, en el cuerpo."""
        found = fields(decoding.parse(await request.body()), {"Status": text, "Output": text})
        status = found.get("Status", "")
        if status not in STATES:
            raise Refused(400, f"Invalid check status: '{status}'")
        self._agent.news(request.path_params["name"], status, found.get("Output", ""))
        return responses.empty()

    def _news(self, request: Request, status: str) -> Response:
        self._agent.news(request.path_params["name"], status, request.query_params.get("note", ""))
        return responses.empty()

    # --- Mantenimiento

    async def service_maintenance(self, request: Request) -> Response:
        """Saca una instancia del reparto sin darla de baja, o la devuelve."""
        service_id = request.path_params["name"]
        if not service_id:
            raise Refused(400, "Missing service ID")
        enable = _enable(request)
        reason = request.query_params.get("reason", "")
        self._agent.service_maintenance(service_id, enable=enable, reason=reason)
        return responses.empty()

    async def node_maintenance(self, request: Request) -> Response:
        """Lo mismo con todo lo de esta máquina."""
        self._agent.node_maintenance(enable=_enable(request), reason=request.query_params.get("reason", ""))
        return responses.empty()


def _enable(request: Request) -> bool:
    if "enable" not in request.query_params:
        raise Refused(400, "Missing value for enable")
    written = request.query_params["enable"]
    value = parse_bool(written)
    if value is None:
        raise Refused(400, f"Invalid value for enable: {quoted(written)}")
    return value


def _worst(checks: list[Watched]) -> str:
    """El estado de una instancia: el peor de los suyos."""
    if any(one.check.id == NODE_MAINTENANCE or one.check.id.startswith(SERVICE_MAINTENANCE) for one in checks):
        return "maintenance"
    states = {one.check.status for one in checks}
    return next((state for state in (CRITICAL, WARNING) if state in states), PASSING)
