"""Consul visto por un microservicio: apuntarse para que le encuentren, y encontrar a los demás.

Se pregunta a Consul en cada llamada, sin guardar la lista. Preguntar cuesta un milisegundo y a cambio nunca se
actúa con una respuesta vieja, que es lo que se quiere cuando lo que va detrás es un pago. Con miles de llamadas
por segundo se haría al revés: una espera larga (`index` y `wait`) tendría la lista al día y nadie preguntaría.

Sigue https://developer.hashicorp.com/consul/api-docs/agent/service y …/health.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import consul
import requests
from consul.base import CB, ConsulException
from opentelemetry.instrumentation.utils import suppress_instrumentation
from requests.adapters import HTTPAdapter

from scenarios.kit.errors import Unavailable
from scenarios.kit.settings import optional, required

_log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 2.0
LEAVE_WITHIN_S = 0.5
STALE_S = 30.0
"""Lo que vale la última respuesta si Consul deja de contestar: en ese rato, mejor un dato viejo que ninguno."""

WAIT_S = 60
"""Lo que dura cada espera larga por noticias de nuestro apunte."""
NOTICED_S = 0.2
"""Lo que se deja pasar entre dos noticias: si llegan muchas seguidas, con mirar una vez basta."""
RETRY_FIRST_S, RETRY_MOST_S = 0.2, 3.0

METRICS_TAG = "metricas"
"""La marca de quien tiene `/metrics`: por ella los encuentra Prometheus."""

_PROBLEMS = (requests.RequestException, ConsulException, OSError, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Instance:
    """Una instancia de un servicio: su identificador en Consul y dónde escucha."""

    id: str
    address: str
    port: int

    @property
    def url(self) -> str:
        """`http://dirección:puerto`."""
        return f"http://{self.address}:{self.port}"


class Directory:
    """La guía de direcciones. Sirve para varios hilos."""

    def __init__(self, address: str) -> None:
        self._client = _client(address, ANSWER_WITHIN_S)
        self._known: dict[str, tuple[float, list[Instance]]] = {}

    @classmethod
    def from_env(cls) -> Directory:
        """Con `CONSUL_HTTP_ADDR` (`127.0.0.1:8500`)."""
        return cls(required("CONSUL_HTTP_ADDR"))

    def healthy(self, name: str) -> list[Instance]:
        """Las instancias de `name` que pasan ahora mismo todas sus comprobaciones; vacía si no hay ninguna.

        Raises:
            Unavailable: Consul no contesta y no se sabe nada de hace menos de `STALE_S` segundos.
        """
        try:
            _, entries = self._client.health.service(name, passing=True)
            found = [_instance(entry) for entry in entries]
        except _PROBLEMS as error:
            asked_at, found = self._known.get(name, (float("-inf"), []))
            if time.monotonic() - asked_at > STALE_S:
                raise Unavailable("Consul", error) from error
            _log.warning("Consul no contesta; vale su última respuesta", extra={"problem": str(error)})
            return found
        self._known[name] = (time.monotonic(), found)
        return found


def _instance(entry: Mapping[str, Any]) -> Instance:
    service = entry["Service"]
    return Instance(str(service["ID"]), str(service["Address"] or entry["Node"]["Address"]), int(service["Port"]))


class Registration:
    """El apunte de este proceso en Consul, que se mantiene mientras viva.

    Lo lleva un hilo aparte: si Consul no está, el microservicio atiende igual y se apunta cuando vuelva. Y si
    Consul se reinicia y lo olvida todo (en desarrollo no guarda nada), se vuelve a apuntar. Para saberlo no
    pregunta cada poco: deja una pregunta abierta que Consul contesta cuando haya cambiado algo, o al irse
    (https://developer.hashicorp.com/consul/api-docs/features/blocking).
    """

    def __init__(self, address: str, definition: Mapping[str, Any]) -> None:
        self._definition = definition
        self._client = _client(address, ANSWER_WITHIN_S)
        # Consul alarga cada espera hasta un dieciseisavo, para que no acaben todas a la vez.
        self._waiting = _client(address, WAIT_S * 17 / 16 + ANSWER_WITHIN_S)
        self._address = address
        self._index: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="consul", daemon=True)
        self._writing = threading.Lock()
        self._written = False

    @classmethod
    def from_env(cls, name: str) -> Registration | None:
        """El apunte del servicio `name`, o `None` si no hay `CONSUL_HTTP_ADDR`.

        Quien se apunta tiene que decir cómo le ven los demás, y no todos le ven igual: para un contenedor esta
        máquina tiene otro nombre. `ADVERTISE_ADDRESS` es para los demás microservicios, `CHECK_URL` para la
        comprobación, que la hace Consul desde donde corre él, y `METRICS_ADDRESS` para Prometheus.
        """
        address = optional("CONSUL_HTTP_ADDR", "")
        if not address:
            return None
        own = optional("ADVERTISE_ADDRESS", f"{optional('HOST', '127.0.0.1')}:{required('PORT')}")
        host, _, port = own.rpartition(":")
        instance = optional("SERVICE_ID", name)
        check = {
            "Name": "listo para atender",
            "CheckID": f"service:{instance}",
            "HTTP": optional("CHECK_URL", f"http://{own}/ready"),
            "Interval": optional("CHECK_INTERVAL", "5s"),
            "Timeout": "2s",
        }
        # Sin `DeregisterCriticalServiceAfter`: aquí los identificadores son fijos y quien muere debe seguir a la
        # vista, en rojo. Con nombres al azar (contenedores que van y vienen) haría falta para limpiar.
        return cls(
            address,
            {
                "Name": name,
                "ID": instance,
                "Address": host,
                "Port": int(port),
                "Tags": [METRICS_TAG],
                "Meta": {"metrics_address": optional("METRICS_ADDRESS", own)},
                "Check": check,
            },
        )

    def start(self) -> None:
        """Empieza a apuntarse; vuelve enseguida."""
        self._thread.start()

    def leave(self) -> None:
        """Se borra de Consul, para que no mande a nadie más aquí. Si Consul no contesta, no se le espera."""
        if self._stop.is_set():
            return
        self._stop.set()
        # Si se estaba apuntando, que acabe: de lo contrario el apunte podría llegar después que la baja. A quien
        # espera noticias no hay que esperarle; esta será la última que le llegue.
        finished = self._writing.acquire(timeout=LEAVE_WITHIN_S)
        with suppress_instrumentation(), suppress(*_PROBLEMS):
            if self._written:
                _client(self._address, LEAVE_WITHIN_S).agent.service.deregister(self._definition["ID"])
        if finished:
            self._writing.release()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Apuntado mientras dure el bloque."""
        self.start()
        try:
            yield
        finally:
            self.leave()

    def _keep(self) -> None:
        pause, said = RETRY_FIRST_S, False
        while not self._stop.is_set():
            try:
                with suppress_instrumentation():
                    self._ensure()
                    self._wait_for_news()
            except _PROBLEMS as error:
                if not said:
                    _log.warning("Consul no contesta; se seguirá intentando", extra={"problem": str(error)})
                said, self._index = True, None  # será otro Consul, con otra cuenta
                self._stop.wait(pause)
                pause = min(RETRY_MOST_S, pause * 2)
            else:
                pause, said = RETRY_FIRST_S, False
                self._stop.wait(NOTICED_S)

    def _ensure(self) -> None:
        """Se apunta, si no lo está ya."""
        with self._writing:
            if self._stop.is_set() or (self._written and self._definition["ID"] in self._client.agent.services()):
                return
            self._written = True
            self._client.http.put(CB.bool(), "/v1/agent/service/register", data=json.dumps(self._definition))
        _log.info("apuntado en Consul", extra={"instance": self._definition["ID"]})

    def _wait_for_news(self) -> None:
        """Vuelve cuando cambia algo de nuestro servicio, o a los `WAIT_S` segundos; la primera vez, enseguida."""
        if not self._stop.is_set():
            self._index, _ = self._waiting.health.service(
                self._definition["Name"], index=self._index, wait=f"{WAIT_S}s"
            )


class _Bounded(HTTPAdapter):
    """Todas las llamadas con plazo: `python-consul` no sabe pedirlo. Una espera larga pide el suyo."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        super().__init__(pool_maxsize=40)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = self._seconds
        return super().send(*args, **kwargs)


def _client(address: str, seconds: float) -> consul.Consul:
    host, _, port = address.rpartition(":")
    client = consul.Consul(host=host, port=int(port))
    client.http.session.trust_env = False  # la red del laboratorio no pasa por el proxy de nadie
    client.http.session.mount("http://", _Bounded(seconds))
    return client
