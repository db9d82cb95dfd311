"""Cobrar y mirar lo que queda en el proveedor y en Consul, como lo haría alguien desde fuera."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
import urllib3

from scenarios.engine.desk import Desk
from scenarios.engine.flow import HoldPoint
from scenarios.flujo_c.services import SICK, WELL
from scenarios.kit.wire import RUN
from stack.laboratory import Laboratory
from tests.support.avatars import eventually

GATEWAYS = (SICK, WELL)


@dataclass(frozen=True)
class Answer:
    """Lo que contestó Finanzas. Sin respuesta, `status` es 0."""

    status: int
    headers: Mapping[str, str]
    document: Mapping[str, Any]


class Till:
    """La ventanilla de la escuela: cobra, y sabe mirar el libro del proveedor y la guía de Consul."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.env, self._credentials = laboratory.env(), laboratory.credentials()
        self.http = urllib3.PoolManager(retries=False, maxsize=60, timeout=urllib3.Timeout(connect=2, read=15))

    def close(self) -> None:
        """Cierra las conexiones."""
        self.http.clear()

    def card(self, number: str = "4242424242424242") -> str:
        """El nombre que da el proveedor a una tarjeta de prueba."""
        answer = self._provider("POST", "/v1/payment_methods", "COBROS_PUBLIC_KEY", {"card": {"number": number}})
        return str(answer["id"])

    def charge(
        self,
        card: str,
        *,
        key: str = "",
        amount: int = 12_345,
        student: str = "eva",
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Pide un cobro a Finanzas."""
        bearer = self.token(student) if token is None else token
        order = {"concept": "Matrícula", "amount": amount, "payment_method": card}
        sent = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json", **(headers or {})}
        if key:
            sent["Idempotency-Key"] = key
        try:
            url = f"{self.env['FINANZAS_URL']}/api/finance/charges"
            response = self.http.request("POST", url, body=json.dumps(order).encode(), headers=sent)
        except urllib3.exceptions.HTTPError:
            return Answer(0, {}, {})
        found = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, found, json.loads(response.data))

    def token(self, student: str) -> str:
        """Un JWT para `student`."""
        claims = {"sub": student, "exp": int(time.time()) + 60}
        return jwt.encode(claims, self._credentials["JWT_SECRET"], "HS256")

    def ledger(self, key: str) -> list[dict[str, Any]]:
        """Los pagos del libro con esa clave de idempotencia."""
        found = self._provider("GET", f"/v1/payments?idempotency_key={key}", "COBROS_READER_KEY")
        return list(found["data"])

    def set_key(self, name: str, *, active: bool) -> None:
        """Reactiva o suspende la clave de una pasarela."""
        self._provider("POST", f"/sandbox/keys/{name}", "COBROS_KEY_2", {"active": active})

    def behave(self, **controls: Any) -> None:
        """Mueve los mandos del simulador (`failing=True`); sin nada, lo deja como siempre."""
        self._provider("POST", "/sandbox/behaviour", "COBROS_KEY_2", controls)

    def registered(self) -> dict[str, bool]:
        """Las pasarelas que Consul conoce: identificador → si está sana."""
        url = f"http://{self.env['CONSUL_HTTP_ADDR']}/v1/health/service/pasarelas-pago"
        entries = json.loads(self.http.request("GET", url).data)
        return {one["Service"]["ID"]: all(c["Status"] == "passing" for c in one["Checks"]) for one in entries}

    def wait(self, *healthy: str) -> None:
        """Espera a que las sanas sean esas, según Consul."""
        eventually(lambda: {name for name, fine in self.registered().items() if fine} == set(healthy))

    def with_keys(self, *healthy: str) -> None:
        """Deja activas solo esas claves, y espera a que Consul lo sepa."""
        for name in GATEWAYS:
            self.set_key(name, active=name in healthy)
        self.wait(*healthy)

    def metric(self, service: str, name: str) -> float:
        """El valor de un contador sin etiquetas de `service`."""
        text = self.http.request("GET", f"{self.env[service]}/metrics").data.decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))

    def kill(self, name: str) -> None:
        """Mata un microservicio sin avisar, y vuelve cuando ya no está."""
        pid = next(row.pid for row in self.laboratory.status() if row.name == name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: self._closed(name))

    def _closed(self, name: str) -> bool:
        try:
            self.http.request("GET", f"{self.env[name.upper().replace('-', '_') + '_URL']}/health", timeout=1)
        except urllib3.exceptions.HTTPError:
            return True
        return False

    @contextmanager
    def at(self, point: HoldPoint, do: Callable[[str], None]) -> Iterator[dict[str, str]]:
        """Cabeceras de una petición en la que, al pasar por `point`, ocurre `do` (una vez).

        `do` recibe el nombre de la pasarela a la que iba la llamada, o vacío.
        """
        ports = {urlsplit(self.env[name.upper().replace("-", "_") + "_URL"]).port: name for name in GATEWAYS}

        class Watching(Desk):
            done = False

            def answer(self, question: dict[str, Any]) -> str:
                attributes = question["attributes"]
                here = point.span.matches(question["service"], question["kind"], question["name"], attributes)
                if here and question["moment"] == point.moment and not Watching.done:
                    Watching.done = True
                    do(ports.get(urlsplit(str(attributes["url.full"])).port, ""))
                return "go"

        run_id = secrets.token_hex(4)
        desk = Watching(run_id, self._credentials["STEP_SECRET"])
        try:
            baggage = ",".join(f"{name}={value}" for name, value in {RUN: run_id, **desk.baggage}.items())
            yield {"baggage": baggage}
        finally:
            desk.close()

    def _provider(
        self, method: str, path: str, credential: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._credentials[credential]}"}
        content = json.dumps(body).encode() if body is not None else None
        answer = self.http.request(method, self.env["COBROS_URL"] + path, body=content, headers=headers)
        assert answer.status == 200, answer.data
        return dict(json.loads(answer.data))


def a_key() -> str:
    """Una clave de idempotencia nueva."""
    return f"prueba-{secrets.token_hex(8)}"
