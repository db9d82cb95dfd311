"""Las imágenes oficiales en Docker, con su SDK (https://docker-py.readthedocs.io).

La verdad está en las etiquetas de los contenedores: con ellas se encuentran los de este laboratorio aunque se
pierda el estado, y lo que no las lleve no se toca. Un contenedor es de usar y tirar: si algo cambia se hace otro;
lo que tiene que durar está en un volumen con nombre.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from stack import logs
from stack.addresses import Endpoint, Viewpoint
from stack.containers import names
from stack.containers.connection import Connection
from stack.containers.images import Image, load
from stack.containers.network import Network
from stack.errors import NotReady, StacklabError, StartError
from stack.events import Event, Notice
from stack.files import append_private
from stack.folder import Folder
from stack.model import Container, Fidelity, Kind, Service
from stack.ports import HOST
from stack.prepare import Place, Prepared, Recipe, free_of, prepare, settled
from stack.runtimes.base import Ending, Instance, Offer, Stopped
from stack.runtimes.local import FROM_CONTAINER

KEPT_LINES = 1000
FOLLOW_S = 0.3
FIRST_FREE = 41_000
_PRODUCT, _FIDELITY = "stacklab.product", "stacklab.fidelity"


class DockerRuntime:
    """Contenedores con la etiqueta de `folder`."""

    name = "docker"
    viewpoint = Viewpoint.NETWORK

    # Arrancar un contenedor es esperar al motor: cuantos más a la vez, antes.
    parallel = 16

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._project, self._label = folder.path.name, folder.label
        self._own = {names.PROJECT: self._label, names.HOME: str(folder.path)}
        self._connection = Connection()
        self._network = Network(self._connection, self._project, self._own)
        self._guard = threading.Lock()
        self._offers: dict[str, Offer] = {}

    def unavailable(self) -> StartError | None:
        """Por qué no se puede usar Docker aquí; se pregunta una vez por orden."""
        return self._connection.refusal()

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
            viewpoint=self.viewpoint,
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
        from docker.errors import NotFound

        result, client = [], self._connection.client()
        with self._connection.told():
            for one in self._containers():
                try:
                    result.append(_instance(one, client.inspect_container(one["Id"])))
                except NotFound:
                    continue  # lo quitaron mientras se miraba
        return result

    def ready(
        self,
        services: Sequence[Prepared],
        *,
        on_event: Callable[[Event], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Descarga las imágenes que faltan y crea la red, si no está."""
        from stack.containers.pull import fetch

        wanted = list(dict.fromkeys(_image(one.service) for one in services))
        with self._connection.told():
            if fetch(self._connection.client(), wanted, on_event=on_event, cancelled=cancelled):
                with self._guard:
                    self._offers.clear()
            if cancelled():
                return
            self._network.ensure()
            strange = [one.reference for one in wanted if self._is_strange(one)]
        if strange:
            listed = ", ".join(strange)
            on_event(Notice(f"No son las imágenes fijadas, sino otras hechas o cargadas aquí: {listed}."))

    def start(self, prepared: Prepared) -> Instance:
        """Crea el contenedor, le mete sus ficheros y lo arranca."""
        from stack.containers.create import create

        service, image = prepared.service, _image(prepared.service)
        name = names.container(self._project, service.name)
        labels = self._own | {
            names.SERVICE: service.name,
            names.SPEC: prepared.spec_hash,
            names.PORTS: json.dumps({one.port: one.number for one in prepared.endpoints}),
        }
        with self._connection.told(service=service, image=image):
            self._clear(name)
            identity = create(
                self._connection.client(),
                prepared,
                image=image,
                name=name,
                network=names.network(self._project),
                volume=names.volume(self._label, service.name),
                labels=labels,
                host_address=self._network.gateway(),
            )
            about = self._connection.client().inspect_container(identity)
        ports = {endpoint.port: endpoint.number for endpoint in prepared.endpoints}
        return Instance(
            service.name, self.name, _identity(about), True, time.time(), prepared.spec_hash, ports, container=name
        )

    def verify(self, services: Sequence[Prepared], everything: Sequence[Prepared]) -> None:
        """Comprueba desde dentro de un contenedor que se llega a esta máquina; `HostUnreachable` si no."""
        from stack.containers.firewall import active
        from stack.containers.reach import host_elsewhere, host_unreachable, unreachable

        bridge = next((one for one in everything if one.service.kind is Kind.BRIDGE), None)
        if bridge is None or not services:
            return
        with self._connection.told():
            running = [one["Id"] for one in self._containers() if one["State"] == "running"]
            door = bridge.endpoints[0].network_number
            problem = unreachable(self._connection.client(), running, FROM_CONTAINER, door)
            flavour = self._connection.flavour()
        if problem is None:
            return
        if flavour != "native":
            raise host_elsewhere(problem, flavour)
        raise host_unreachable(problem, self._network.subnet(), self._network.gateway(), active())

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
        with self._connection.told():
            about = self._connection.client().inspect_container(_id(instance))
        published = (about["NetworkSettings"]["Ports"] or {}).values()
        return any(int(one["HostPort"]) == number for group in published for one in group or ())

    def stop(
        self,
        services: Mapping[str, float],
        *,
        hurry: Callable[[], bool] = lambda: False,
        on_stopped: Callable[[Stopped], None] = lambda stopped: None,
    ) -> list[Stopped]:
        """Para y quita sus contenedores, a la vez."""
        from stack.containers.stop import stop_all

        with self._connection.told():
            found = {one["Labels"][names.SERVICE]: one["Id"] for one in self._containers()}
            return stop_all(
                self._connection.client(),
                {name: (found[name], grace) for name, grace in services.items() if name in found},
                hurry=hurry,
                keep_log=self._keep_log,
                on_stopped=on_stopped,
            )

    def tidy(self) -> None:
        """Sin contenedores, la red ya no sirve."""
        with self._connection.told():
            if not self._containers():
                self._network.remove()

    def forget(self, service: str) -> None:
        """Borra su volumen, si lo tiene."""
        from docker.errors import NotFound

        name, client = names.volume(self._label, service), self._connection.client()
        with self._connection.told():
            try:
                if (client.inspect_volume(name)["Labels"] or {}).get(names.PROJECT) == self._label:
                    client.remove_volume(name)
            except NotFound:
                return

    def log_end(self, instance: Instance, count: int) -> list[str]:
        """Lo último que escribió el contenedor."""
        with self._connection.told():
            return self._lines(_id(instance), count)

    def logs(self, service: str, *, follow: bool, tail: int | None) -> Iterator[str]:
        """Lo que ha escrito; sin contenedor, lo que se guardó de él. Con `follow` sobrevive a que se cambie."""
        from stack.containers.stream import stream

        with self._connection.told():
            current = self._current(service)
            if current is None and not follow:
                yield from logs.lines(self._folder.log(service), tail=tail)
            while current is not None or follow:
                if current is not None:
                    yield from stream(self._connection.client(), current, follow=follow, tail=tail)
                if not follow:
                    return
                tail, before = None, current
                while (current := self._current(service)) in (None, before):
                    time.sleep(FOLLOW_S)

    def memory_mb(self, instances: Sequence[Instance]) -> dict[str, float]:
        """La que el motor dice que usa cada contenedor, sin la caché de ficheros."""
        from stack.containers.stats import memory_mb

        if not instances:
            return {}
        with self._connection.told():
            return memory_mb(self._connection.client(), {one.service: _id(one) for one in instances})

    def _look(self, service: Service, data: Container) -> Offer:
        from stack.containers.pull import local

        image = load()[data.image]
        product, fidelity = f"{service.title} {image.tag}", Fidelity.DOCKER
        found = None
        if self.unavailable() is None:
            with self._connection.told(service=service, image=image):
                found = local(self._connection.client(), image)
        if found is not None:
            product = found.labels.get(_PRODUCT, product)
            if not found.pinned:
                product += " (imagen local)"
            fidelity = Fidelity(found.labels.get(_FIDELITY, fidelity))
        return Offer(product, fidelity, data.memory_mb, data.ready_timeout_s, data.stop_grace_s)

    def _is_strange(self, image: Image) -> bool:
        from stack.containers.pull import local

        found = local(self._connection.client(), image)
        return found is not None and not found.pinned

    def _containers(self) -> list[dict[str, Any]]:
        label = f"{names.PROJECT}={self._label}"
        listed = self._connection.client().containers(all=True, filters={"label": label})
        return [one for one in listed if one["Labels"].get(names.SERVICE)]

    def _current(self, service: str) -> str | None:
        found = (one["Id"] for one in self._containers() if one["Labels"][names.SERVICE] == service)
        return next(found, None)

    def _state(self, instance: Instance) -> dict[str, Any] | None:
        """El `State` de su contenedor; `None` si ya no existe."""
        from docker.errors import NotFound

        with self._connection.told():
            try:
                return dict(self._connection.client().inspect_container(_id(instance))["State"])
            except NotFound:
                return None

    def _clear(self, name: str) -> None:
        """Quita un contenedor nuestro que se quedara con ese nombre; uno ajeno no se toca."""
        from docker.errors import NotFound

        from stack.containers.sentences import name_conflict

        client = self._connection.client()
        try:
            about = client.inspect_container(name)
        except NotFound:
            return
        if (about["Config"]["Labels"] or {}).get(names.PROJECT) != self._label:
            raise name_conflict(name, about["Id"])
        client.remove_container(about["Id"], force=True, v=True)

    def _keep_log(self, service: str, identity: str) -> None:
        """Guarda el final del log antes de quitar el contenedor: `stacklab logs` lo enseña después."""
        lines = self._lines(identity, KEPT_LINES)
        try:
            append_private(self._folder.log(service), "".join(f"{line}\n" for line in lines))
        except StacklabError:
            return

    def _lines(self, identity: str, count: int) -> list[str]:
        text = self._connection.client().logs(identity, stdout=True, stderr=True, tail=count)
        return list(text.decode("utf-8", "replace").splitlines())


def _image(service: Service) -> Image:
    assert service.container is not None
    return load()[service.container.image]


def _instance(listed: Mapping[str, Any], about: Mapping[str, Any]) -> Instance:
    """Un contenedor, como lo lista el motor y como lo cuenta por dentro."""
    labels, state = listed["Labels"], about["State"]
    return Instance(
        service=labels[names.SERVICE],
        runtime=DockerRuntime.name,
        identity=_identity(about),
        alive=state["Status"] in ("running", "restarting", "paused"),
        since=_seconds(state["StartedAt"]) or float(listed["Created"]),
        spec_hash=labels.get(names.SPEC, ""),
        ports=json.loads(labels.get(names.PORTS, "{}")),
        container=about["Name"].lstrip("/"),
    )


def _identity(about: Mapping[str, Any]) -> str:
    """Qué contenedor es y desde cuándo: si alguien lo reinicia a mano ya es otro, que habrá olvidado lo suyo."""
    return f"{about['Id']}@{about['State']['StartedAt']}"


def _id(instance: Instance) -> str:
    return instance.identity.partition("@")[0]


def _seconds(moment: str) -> float:
    """Segundos desde 1970 de una hora como las del motor («2026-11-24T14:38:36.123456789Z»); 0 si no la hay."""
    try:
        whole = datetime.fromisoformat(moment.partition(".")[0].removesuffix("Z") + "+00:00")
    except ValueError:
        return 0.0
    return whole.timestamp() if whole.year > 1 else 0.0
