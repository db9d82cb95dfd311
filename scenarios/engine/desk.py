"""La ventanilla donde preguntan los microservicios antes de seguir: el otro extremo de `scenarios.kit.holding`.

Un servidor HTTP de esta máquina, vivo mientras dura la ejecución. Cada pregunta trae la firma que viajó en el
equipaje; sin ella no se contesta. Nadie espera aquí más de un segundo por respuesta: se contesta «espera» y se
vuelve a preguntar, de modo que si esta ventanilla desaparece, quien esperaba sigue adelante enseguida.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scenarios.engine.flow import HoldPoint, Hop
from scenarios.kit.wire import DESK, RUN, SIGNATURE, sign

ANSWER_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Intervention:
    """Lo que hace un sabotaje cuando el sistema pasa por `at`: `interfere` dice `go`, `drop`, `crash` o `wait`.

    Con `first` interviene nada más llegar, antes de que la persona dé paso, y deja seguir.
    """

    at: HoldPoint
    interfere: Callable[[], str]
    first: bool = False


class Desk:
    """Retiene cada paso hasta que se le da paso, y apunta cuáles han llegado.

    Args:
        run_id, secret: de quién son las preguntas y con qué van firmadas.
        held: los pasos que se retienen; vacío si solo se quiere un sabotaje.
        fault: dónde se interviene y qué se hace allí.
    """

    def __init__(
        self,
        run_id: str,
        secret: str,
        held: Iterable[Hop] = (),
        fault: Intervention | None = None,
    ) -> None:
        self._changed = threading.Condition()
        self._held = {hop.id: hop.hold for hop in held if hop.hold is not None}
        self._arrived: set[str] = set()
        self._fault = fault
        self._closed = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._run_id, self._secret = run_id, secret
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="desk", daemon=True
        ).start()

    @property
    def baggage(self) -> dict[str, str]:
        """Lo que hay que añadir al equipaje de la petición para que se pregunte aquí."""
        return {DESK: self.address, SIGNATURE: self.signature}

    @property
    def address(self) -> str:
        """`127.0.0.1:puerto`."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def signature(self) -> str:
        """La firma que debe traer cada pregunta."""
        return sign(self._secret, self._run_id, self.address)

    def arrived(self, hop: Hop) -> bool:
        """Si el sistema está parado justo antes de `hop`."""
        with self._changed:
            return hop.id in self._arrived

    def wait_arrival(self, hop: Hop, give_up: Callable[[], bool]) -> bool:
        """Espera a que el sistema llegue a `hop`; devuelve si llegó. Deja de esperar si `give_up()` es cierto."""
        with self._changed:
            while hop.id not in self._arrived and not give_up():
                self._changed.wait(0.05)
            return hop.id in self._arrived

    def release(self, hop: Hop) -> None:
        """Da paso a `hop`, esté ya esperando o no."""
        with self._changed:
            self._held.pop(hop.id, None)
            self._changed.notify_all()

    def release_all(self) -> None:
        """Ya no se retiene ningún paso."""
        with self._changed:
            self._held.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Da paso a todos y cierra."""
        with self._changed:
            self._closed = True
            self._held.clear()
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, question: dict[str, Any]) -> str:
        """Qué debe hacer quien pregunta: `go`, `wait`, `drop` o `crash`."""
        deadline = time.monotonic() + ANSWER_EVERY_S
        if self._fault is not None and self._fault.first and _matches(self._fault.at, question):
            self._fault.interfere()
        with self._changed:
            while (hop_id := self._holding(question)) is not None:
                self._arrived.add(hop_id)
                self._changed.notify_all()
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    return "wait"
            if self._closed or self._fault is None or not _matches(self._fault.at, question):
                return "go"
        verdict = self._fault.interfere()
        if verdict == "wait":
            with self._changed:
                self._changed.wait_for(lambda: self._closed, ANSWER_EVERY_S)
                return "go" if self._closed else "wait"
        return verdict

    def _holding(self, question: dict[str, Any]) -> str | None:
        return next((hop_id for hop_id, point in self._held.items() if _matches(point, question)), None)


def _matches(point: HoldPoint, question: dict[str, Any]) -> bool:
    return question["moment"] == point.moment and point.span.matches(
        question["service"], question["kind"], question["name"], question["attributes"]
    )


def _handler(desk: Desk) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            given = self.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), desk.signature.encode()):
                self._reply(403, {})
                return
            try:
                verdict = desk.answer(json.loads(body))
            except (ValueError, KeyError, TypeError, AttributeError):
                self._reply(400, {})
                return
            self._reply(200, {"verdict": verdict})

        def _reply(self, status: int, document: dict[str, str]) -> None:
            payload = json.dumps(document).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)
            except OSError:
                pass  # quien preguntaba se fue

        def log_message(self, format: str, *args: Any) -> None:
            """Sin log de accesos."""

    return Handler


def run_baggage(run_id: str) -> dict[str, str]:
    """Lo que lleva el equipaje de toda ejecución: a cuál pertenece."""
    return {RUN: run_id}
