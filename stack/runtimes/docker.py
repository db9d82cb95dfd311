"""Las imágenes oficiales en Docker, con su SDK (https://docker-py.readthedocs.io).

La verdad está en las etiquetas de los contenedores: con ellas se encuentran los de este laboratorio aunque se pierda el
estado, y lo que no las lleve no se toca. Un contenedor es de usar y tirar: si algo cambia se hace otro; lo que tiene que
durar está en un volumen con nombre.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stack import logs
from stack.addresses import Endpoint, Viewpoint
from stack.containers import names
from stack.containers.images import Image, load
from stack.errors import NotReady, StacklabError, StartError
from stack.events import Event, Notice
from stack.files import append_private
from stack.folder import Folder
from stack.model import Container, Fidelity, Kind, Service
from stack.ports import HOST
from stack.prepare import Place, Prepared, Recipe, free_of, prepare, settled
from stack.runtimes.base import Ending, Instance, Offer, Stopped
from stack.runtimes.local import FROM_CONTAINER

if TYPE_CHECKING:
    from docker import APIClient

    from stack.containers.engine import Engine

KEPT_LINES = 1000
FOLLOW_S = 0.3
FIRST_FREE = 41_000
_PRODUCT, _FIDELITY = "stacklab.product", "stacklab.fidelity"


class DockerRuntime:
    """Contenedores con la etiqueta de `folder`."""

    name = "docker"

    # Arrancar un contenedor es esperar al motor: cuantos más a la vez, antes.
    parallel = 16

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._project, self._label = folder.path.name, folder.label
        self._guard = threading.RLock()
        self._engine: Engine | None = None
        self._refusal: StartError | None = None
        self._asked = False
        self._api: APIClient | None = None
        self._offers: dict[str, Offer | None] = {}
        self._flavour: str | None = None

    # ── qué hay ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def unavailable(self) -> StartError | None:
        """Por qué no se puede usar Docker aquí; se pregunta una vez por orden."""
        from stack.containers.engine import Engine, discover
        from stack.containers.failures import refusal

        with self._guard:
            if not self._asked:
                found = discover(os.environ)
                self._engine = found if isinstance(found, Engine) else None
                self._refusal = refusal(found)
                self._asked = True
            return self._refusal

    def offer(self, service: Service) -> Offer | None:
        """La imagen oficial. Si la que hay aquí con su nombre lleva otra cosa dentro, se dice qué."""
        data = service.container
        if data is None:
            return None
        with self._guard:
            if service.name not in self._offers:
                self._offers[service.name] = self._look(service, data)
            return self._offers[service.name]

    def why_not(self, service: Service) -> str:
        """No hay imagen que lo haga."""
        return f"stacklab no sabe arrancar {service.title} en Docker"

    def endpoint(self, service: Service, port: str, number: int) -> Endpoint:
        """En esta máquina, donde se publica; en la red, con su nombre de servicio y su puerto de dentro."""
        data = service.port(port)
        inside = data.network or data.inside or data.number
        return Endpoint(service.name, port, data.scheme, HOST, number, service.name, inside)

    def prepare(self, service: Service, endpoints: Iterable[Endpoint], names: Mapping[str, str]) -> Prepared:
        """Resuelve su orden, su entorno y sus ficheros, vistos desde dentro."""
        data = service.container
        assert data is not None, "solo se prepara lo que se ofrece"
        recipe = Recipe(
            data.argv,
            data.env,
            service.config if data.config is None else data.config,
            identity=(load()[data.image].pinned, str(data.memory_mb), data.user, data.volume),
        )
        place = Place(
            viewpoint=Viewpoint.NETWORK,
            listen_host="0.0.0.0",
            config_dir=Path(data.config_dir),
            data_dir=Path(data.volume or "/tmp"),
            listen={port.name: port.inside or port.number for port in service.ports},
            told=False,
        )
        prepared = prepare(service, recipe, place, endpoints=endpoints, credentials=names)
        # Dentro del contenedor no hay nadie más: vale cualquier número, y siempre el mismo.
        return settled(prepared, {name: FIRST_FREE + number for number, name in enumerate(free_of(prepared))})

    def observe(self) -> list[Instance]:
        """Un `Instance` por contenedor con la etiqueta, esté en marcha o no."""
        with self._told():
            return [self._instance(one) for one in self._containers()]

    # ── arrancar ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def ready(
        self,
        services: Sequence[Prepared],
        *,
        on_event: Callable[[Event], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Descarga las imágenes que faltan y crea la red, si no está."""
        from stack.containers.pull import fetch

        wanted = [self._image(one.service) for one in services]
        with self._told():
            if fetch(self._client(), list(dict.fromkeys(wanted)), on_event=on_event, cancelled=cancelled):
                with self._guard:
                    self._offers.clear()
            if cancelled():
                return
            self._network()
            strange = [one.reference for one in dict.fromkeys(wanted) if self._is_strange(one)]
        if strange:
            on_event(Notice(f"Estas imágenes se hicieron en esta máquina y no son las oficiales: {', '.join(strange)}."))

    def start(self, prepared: Prepared) -> Instance:
        """Crea el contenedor, le mete sus ficheros y lo arranca."""
        from stack.containers.create import create

        with self._told(prepared.service):
            client, network = self._client(), self._network()
            name = names.container(self._project, prepared.service.name)
            self._clear(name)
            identity = create(
                client,
                prepared,
                image=self._image(prepared.service),
                name=name,
                network=names.network(self._project),
                volume=names.volume(self._project, prepared.service.name),
                labels=self._labels(prepared),
                host_address=self._host_address(network),
            )
        return Instance(
            service=prepared.service.name,
            runtime=self.name,
            identity=identity,
            alive=True,
            since=time.time(),
            spec_hash=prepared.spec_hash,
            ports={endpoint.port: endpoint.number for endpoint in prepared.endpoints},
            container=name,
        )

    def ended(self, instance: Instance) -> str | None:
        """Con qué código terminó, y si fue por falta de memoria."""
        from stack.containers.endings import how

        state = self._state(instance)
        if state is None:
            return "alguien ha quitado el contenedor"
        return None if state["Running"] or state["Status"] == "created" else how(state)

    def not_ready(self, service: Service, instance: Instance, ending: Ending) -> NotReady:
        """Con lo que el motor sabe de él: código de salida y si le faltó memoria."""
        from stack.containers import endings

        probe = f"{ending.question}: {ending.problem}"
        state = self._state(instance)
        if ending.end is None or state is None:
            return endings.not_ready(service.name, service.title, ending.patience_s, ending.log, probe=probe)
        limit = service.container.memory_mb if service.container is not None else 0
        return endings.ended(service.name, service.title, state, ending.log, probe=probe, memory_mb=limit)

    def answers(self, instance: Instance, number: int) -> bool:
        """Lo publica el motor: si el contenedor vive y tiene ese puerto, es él."""
        with self._told():
            about = self._client().inspect_container(instance.identity)
        published = (about["NetworkSettings"]["Ports"] or {}).values()
        return any(int(one["HostPort"]) == number for group in published for one in group or ())

    def verify(self, services: Sequence[Prepared], everything: Sequence[Prepared]) -> None:
        """Comprueba desde dentro de un contenedor que se llega a esta máquina; `HostUnreachable` si no."""
        from stack.containers.endings import host_unreachable
        from stack.containers.firewall import active
        from stack.containers.reach import unreachable

        bridge = next((one for one in everything if one.service.kind is Kind.BRIDGE), None)
        if bridge is None or not services:
            return
        with self._told():
            running = [one["Id"] for one in self._containers() if one["State"] == "running"]
            problem = unreachable(self._client(), running, FROM_CONTAINER, bridge.endpoints[0].network_number)
        if problem is not None:
            config = (self._network()["IPAM"]["Config"] or ({},))[0]
            gateway, subnet = config.get("Gateway", FROM_CONTAINER), config.get("Subnet", "")
            raise host_unreachable(subnet, gateway, problem, active())

    # ── parar ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def stop(
        self,
        services: Mapping[str, float],
        *,
        hurry: Callable[[], bool] = lambda: False,
        on_stopped: Callable[[Stopped], None] = lambda stopped: None,
    ) -> list[Stopped]:
        """Para y quita sus contenedores, a la vez; si no queda ninguno del laboratorio, también la red."""
        from stack.containers.stop import stop_all

        with self._told():
            found = self._containers()
            chosen = {one["Labels"][names.SERVICE]: one for one in found if one["Labels"][names.SERVICE] in services}
            stopped = stop_all(
                self._client(),
                {name: (one["Id"], services[name]) for name, one in chosen.items()},
                hurry=hurry,
                keep_log=self._keep_log,
                on_stopped=on_stopped,
            )
            if len(chosen) == len(found):
                self._remove_network()
        return stopped

    def forget(self, service: str) -> None:
        """Borra su volumen, si lo tiene."""
        from docker.errors import NotFound

        name = names.volume(self._project, service)
        with self._told():
            try:
                if self._client().inspect_volume(name)["Labels"].get(names.PROJECT) == self._label:
                    self._client().remove_volume(name)
            except NotFound:
                return

    # ── mirar ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def log_end(self, instance: Instance, count: int) -> list[str]:
        """Lo último que escribió el contenedor."""
        with self._told():
            return self._lines(instance.identity, count)

    def logs(self, service: str, *, follow: bool, tail: int | None) -> Iterator[str]:
        """Lo que ha escrito; si ya no hay contenedor, lo que se guardó de él. Con `follow` sobrevive a que se cambie."""
        from stack.containers.stream import stream

        with self._told():
            client = self._client()
            current = self._identity(service)
            if current is None and not follow:
                yield from logs.lines(self._folder.log(service), tail=tail)
                return
            while True:
                if current is not None:
                    yield from stream(client, current, follow=follow, tail=tail)
                    tail = None
                if not follow:
                    return
                before = current
                while (current := self._identity(service)) in (None, before):
                    time.sleep(FOLLOW_S)

    def memory_mb(self, instances: Sequence[Instance]) -> dict[str, float]:
        """La que el motor dice que usa cada contenedor, sin la caché de ficheros."""
        from stack.containers.stats import memory_mb

        with self._told():
            return memory_mb(self._client(), {one.service: one.identity for one in instances}) if instances else {}

    # ── por dentro ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _client(self) -> APIClient:
        from stack.containers.engine import client

        with self._guard:
            if self._api is None:
                assert self.unavailable() is None and self._engine is not None, "se pregunta antes si se puede usar"
                self._api = client(self._engine)
            return self._api

    def _told(self, service: Service | None = None) -> Any:
        """Lo que falle dentro sale dicho para una persona, con su causa y la orden siguiente."""
        from stack.containers.failures import told

        image = self._image(service) if service is not None else None
        return told(engine=self._engine, image=image, service=service)

    def _state(self, instance: Instance) -> dict[str, Any] | None:
        """El `State` de su contenedor; `None` si ya no existe."""
        from docker.errors import NotFound

        with self._told():
            try:
                return dict(self._client().inspect_container(instance.identity)["State"])
            except NotFound:
                return None

    def _image(self, service: Service) -> Image:
        assert service.container is not None
        return load()[service.container.image]

    def _is_strange(self, image: Image) -> bool:
        from stack.containers.pull import local

        found = local(self._client(), image)
        return found is not None and not found.pinned

    def _look(self, service: Service, data: Container) -> Offer:
        from stack.containers.pull import local

        image = load()[data.image]
        product, fidelity = f"{service.title} {image.tag}", Fidelity.DOCKER
        found = None
        if self.unavailable() is None:
            with self._told(service):
                found = local(self._client(), image)
        if found is not None:
            product = found.labels.get(_PRODUCT, product)
            if not found.pinned:
                product += " (imagen local)"
            fidelity = Fidelity(found.labels.get(_FIDELITY, fidelity))
        return Offer(product, fidelity, data.memory_mb, data.ready_timeout_s, data.stop_grace_s)

    def _containers(self) -> list[dict[str, Any]]:
        listed = self._client().containers(all=True, filters={"label": f"{names.PROJECT}={self._label}"})
        return [one for one in listed if one["Labels"].get(names.SERVICE)]

    def _identity(self, service: str) -> str | None:
        found = (one["Id"] for one in self._containers() if one["Labels"][names.SERVICE] == service)
        return next(found, None)

    def _instance(self, about: Mapping[str, Any]) -> Instance:
        labels = about["Labels"]
        return Instance(
            service=labels[names.SERVICE],
            runtime=self.name,
            identity=about["Id"],
            alive=about["State"] in ("running", "restarting", "paused"),
            since=float(about["Created"]),
            spec_hash=labels.get(names.SPEC, ""),
            ports=json.loads(labels.get(names.PORTS, "{}")),
            container=about["Names"][0].lstrip("/") if about["Names"] else about["Id"][:12],
        )

    def _labels(self, prepared: Prepared) -> dict[str, str]:
        return {
            **self._own(),
            names.SERVICE: prepared.service.name,
            names.SPEC: prepared.spec_hash,
            names.PORTS: json.dumps({one.port: one.number for one in prepared.endpoints}),
        }

    def _own(self) -> dict[str, str]:
        """Las etiquetas de todo lo que es de este laboratorio."""
        return {names.PROJECT: self._label, names.HOME: str(self._folder.path)}

    def _network(self) -> dict[str, Any]:
        """La red del laboratorio; se busca por su etiqueta antes de crearla, porque el motor admite dos iguales."""
        with self._guard:
            client = self._client()
            found = client.networks(filters={"label": f"{names.PROJECT}={self._label}"})
            if not found:
                client.create_network(
                    names.network(self._project),
                    driver="bridge",
                    labels=self._own(),
                    options={"com.docker.network.bridge.name": names.interface(self._label)},
                    check_duplicate=True,
                )
                found = client.networks(filters={"label": f"{names.PROJECT}={self._label}"})
            return dict(found[0])

    def _remove_network(self) -> None:
        """Sin contenedores ya no sirve. Si alguien conectó otro por su cuenta, se queda."""
        from docker.errors import APIError

        client = self._client()
        for one in client.networks(filters={"label": f"{names.PROJECT}={self._label}"}):
            try:
                client.remove_network(one["Id"])
            except APIError:
                continue

    def _host_address(self, network: Mapping[str, Any]) -> str:
        """Con qué dirección llega un contenedor a esta máquina: en Linux, la puerta de su red."""
        from stack.containers.engine import flavour

        with self._guard:
            if self._flavour is None:
                self._flavour = flavour(self._client())
        gateways = [one["Gateway"] for one in network["IPAM"]["Config"] or () if "Gateway" in one]
        return gateways[0] if self._flavour == "native" and gateways else "host-gateway"

    def _clear(self, name: str) -> None:
        """Quita un contenedor nuestro que se quedara con ese nombre; uno ajeno no se toca."""
        from docker.errors import NotFound

        from stack.containers.sentences import name_conflict

        try:
            about = self._client().inspect_container(name)
        except NotFound:
            return
        if about["Config"]["Labels"].get(names.PROJECT) != self._label:
            raise name_conflict(name, about["Id"])
        self._client().remove_container(about["Id"], force=True, v=True)

    def _keep_log(self, service: str, identity: str) -> None:
        """Guarda el final del log antes de quitar el contenedor: `stacklab logs` lo enseña después."""
        lines = self._lines(identity, KEPT_LINES)
        try:
            append_private(self._folder.log(service), "".join(f"{line}\n" for line in lines))
        except StacklabError:
            return

    def _lines(self, identity: str, count: int) -> list[str]:
        text = self._client().logs(identity, stdout=True, stderr=True, tail=count)
        return text.decode("utf-8", "replace").splitlines()
