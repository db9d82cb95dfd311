"""La caja fuerte (Vault) vista por un microservicio: se presenta con su AppRole y lee lo suyo.

El permiso que Vault le da es un *token* que caduca. Se renueva al usarlo, cuando lleva gastada la mitad de su
vida; si ya no vale (caducó, alguien lo revocó o Vault, que en desarrollo todo lo olvida, arrancó otra vez), se
presenta de nuevo. Lo leído no se guarda: quien lo necesita otra vez, lo lee otra vez, y así una clave rotada o
borrada en Vault se nota en la petición siguiente.

Cada lectura es un span que dice qué se leyó, en qué versión y con qué token (su *accessor*, que sirve para
preguntar por él o revocarlo, nunca para usarlo). El valor no sale de aquí.
https://developer.hashicorp.com/vault/docs/auth/approle
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import hvac
import requests
from hvac.exceptions import Forbidden, InvalidPath, Unauthorized, VaultError
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind

from scenarios.kit.errors import Missing, Unavailable
from scenarios.kit.settings import required

TIMEOUT_S = 3.0

_log = logging.getLogger(__name__)
_tracer = trace.get_tracer(__name__)
_FAILURES = (VaultError, requests.RequestException, OSError)


@dataclass(frozen=True, slots=True)
class Secret:
    """Un secreto leído: sus valores, qué versión es y cuándo se escribió (como lo dice Vault)."""

    values: Mapping[str, str] = field(repr=False)
    version: int
    created: str


class SecretStore:
    """Lee secretos KV v2 de Vault. Sirve para varios hilos.

    Cualquier fallo, también que Vault no dé permiso, sale como `Unavailable`; lo que no existe, como `Missing`.
    """

    def __init__(
        self, address: str, role_id: str, secret_id: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session = session = requests.Session()
        session.trust_env = False  # a Vault no se va por el proxy que diga el entorno
        # Con el token en blanco, el cliente no toma el que alguien haya dejado en el entorno o en su carpeta.
        self._client = hvac.Client(address, token="", timeout=TIMEOUT_S, session=session)
        self._address, self._role_id, self._secret_id = address, role_id, secret_id
        self._clock = clock
        self._lock = threading.Lock()
        self._accessor = ""
        self._renew_at = self._dead_at = float("-inf")

    @classmethod
    def from_env(cls) -> SecretStore:
        """Con `VAULT_ADDR`, `VAULT_ROLE_ID` y `VAULT_SECRET_ID`."""
        return cls(required("VAULT_ADDR"), required("VAULT_ROLE_ID"), required("VAULT_SECRET_ID"))

    @property
    def accessor(self) -> str:
        """El del token con que se lee ahora: sirve para preguntar por él, no para usarlo. Vacío, si no hay."""
        return self._accessor

    def close(self) -> None:
        """Cierra las conexiones. El permiso caducará solo."""
        self._session.close()

    def read(self, path: str, version: int | None = None) -> Secret:
        """El secreto `secret/<path>`: el de ahora o, con `version`, el que fue."""
        attributes = {"server.address": self._address, "vault.secret.path": f"secret/{path}"}
        request = trace.get_current_span()
        try:
            with (
                _tracer.start_as_current_span(
                    f"read secret/{path}", kind=SpanKind.CLIENT, attributes=attributes
                ) as span,
                suppress_instrumentation(),
            ):  # sin otro span, el de HTTP, que diría menos
                accessor = self._enter()
                try:
                    secret = self._get(path, version)
                except (Forbidden, Unauthorized):
                    # O el token ya no vale o no hay permiso: con uno nuevo se sale de dudas.
                    accessor = self._enter(again=accessor)
                    secret = self._get(path, version)
                span.set_attribute("vault.secret.version", secret.version)
                span.set_attribute("vault.secret.created_time", secret.created)
                # También en quien pregunta: aunque la respuesta se perdiese, consta con qué permiso se hizo.
                for one in (request, span):
                    one.set_attribute("vault.token.accessor", accessor)
                return secret
        except InvalidPath as error:
            raise Missing(f"secret/{path}") from error
        except _FAILURES as error:
            raise Unavailable("Vault", error) from error

    def _get(self, path: str, version: int | None) -> Secret:
        answer: Any = self._client.secrets.kv.v2.read_secret_version(
            path, version=version, raise_on_deleted_version=True
        )
        data = answer["data"]
        return Secret(data["data"], int(data["metadata"]["version"]), str(data["metadata"]["created_time"]))

    def _enter(self, again: str | None = None) -> str:
        """Deja el cliente con un token que vale y devuelve su *accessor*.

        `again` es el de un token que acaba de fallar: si nadie lo ha cambiado ya, se pide otro.
        """
        with self._lock:
            now = self._clock()
            if again == self._accessor or now >= self._dead_at:
                self._login()
            elif now >= self._renew_at:
                try:
                    self._keep(self._client.auth.token.renew_self()["auth"])
                except _FAILURES as error:
                    _log.warning("no se pudo renovar el permiso de Vault", extra={"problem": str(error)})
                    self._login()
            return self._accessor

    def _login(self) -> None:
        self._client.token = ""
        answer: Any = self._client.auth.approle.login(self._role_id, self._secret_id)
        self._keep(answer["auth"])
        _log.info("Vault dio un permiso nuevo", extra={"policies": answer["auth"]["policies"]})

    def _keep(self, auth: Mapping[str, Any]) -> None:
        lease = float(auth["lease_duration"])
        now = self._clock()
        self._accessor = str(auth["accessor"])
        self._renew_at, self._dead_at = now + lease / 2, now + lease
