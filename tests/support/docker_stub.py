"""Un motor de Docker de mentira: contesta en un socket lo que diga un guion, a la biblioteca de Docker de verdad.

Las respuestas son las de la API (https://docs.docker.com/reference/api/engine/version/v1.45/); los textos de los
fallos, los que escriben el motor y los registros.
"""

from __future__ import annotations

import json
import re
import socketserver
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """Una respuesta de error del motor."""

    status: int
    message: str


@dataclass
class Pull:
    """Cómo va una bajada: lo que se va diciendo y, si acaba bien, qué imagen queda. `hold` la detiene."""

    lines: list[Json] = field(default_factory=list)
    arrives: Json | None = None
    hold: threading.Event | None = None


@dataclass
class Scenario:
    """Lo que hay en el motor y cómo contesta. Las pruebas lo leen después: `asked` es todo lo que se le pidió.

    `images` y `manifests` van por nombre, como los pide la API; `pulls`, también; `answers` gana a todo lo demás
    («POST /containers/create» → su respuesta).
    """

    api: str = "1.45"
    minimum: str = "1.24"
    version: str = "27.3.1"
    os_type: str = "linux"
    info: Json = field(default_factory=dict)
    images: dict[str, Json] = field(default_factory=dict)
    pulls: dict[str, Pull | Refusal] = field(default_factory=dict)
    manifests: dict[str, Json | Refusal] = field(default_factory=dict)
    containers: list[Json] = field(default_factory=list)
    networks: list[Json] = field(default_factory=list)
    volumes: list[Json] = field(default_factory=list)
    answers: dict[str, Json | list[Json] | Refusal] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def pulled(self) -> list[str]:
        """Lo que se ha pedido bajar, en orden."""
        return [line.partition(" bajar ")[2] for line in self.asked if " bajar " in line]


def image(reference: str, digest: str = "", *, architecture: str = "amd64", **labels: str) -> Json:
    """Una imagen como la enseña `docker inspect`."""
    name = reference.partition("@")[0].rpartition(":")[0]
    return {
        "Id": f"sha256:{abs(hash(reference)):064x}"[:71],
        "RepoTags": [reference] if "@" not in reference else [],
        "RepoDigests": [f"{name}@{digest}"] if digest else [],
        "Architecture": architecture,
        "Os": "linux",
        "Config": {"Labels": labels or None},
    }


@contextmanager
def secure_engine(scenario: Scenario, certificates: Path) -> Iterator[str]:
    """El motor por TCP y con TLS; pide al cliente un certificado firmado por `ca.pem`, que es también el suyo."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with _SecureServer(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scenario = scenario
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)


@contextmanager
def docker_engine(scenario: Scenario) -> Iterator[str]:
    """Arranca el motor y entrega su URL (`unix://…`), como para `DOCKER_HOST`."""
    with tempfile.TemporaryDirectory(prefix="motor-") as folder:
        path = Path(folder, "docker.sock")
        with _Server(str(path), _Handler) as server:
            server.scenario = scenario
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            try:
                yield f"unix://{path}"
            finally:
                for pull in scenario.pulls.values():
                    if isinstance(pull, Pull) and pull.hold is not None:
                        pull.hold.set()
                server.shutdown()
                thread.join(5)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    scenario: Scenario


class _SecureServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    scenario: Scenario

    def handle_error(self, request: object, client_address: object) -> None:
        """Quien no trae certificado se queda fuera: es lo que se prueba."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server | _SecureServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._serve()

    do_DELETE = do_PUT = do_POST

    def log_message(self, *words: object) -> None:
        """Sin ruido."""

    def address_string(self) -> str:
        return "socket"

    def _serve(self) -> None:
        scenario, where = self.server.scenario, urlsplit(self.path)
        path = re.sub(r"^/v[\d.]+", "", unquote(where.path))
        query = {name: values[0] for name, values in parse_qs(where.query).items()}
        scenario.asked.append(f"{self.command} {path}")
        known = scenario.answers.get(f"{self.command} {path}")
        if known is not None:
            return self._say(known)
        if re.fullmatch(r"/exec/\w+/start", path):
            # Lo que se ejecuta dentro no escribe nada; el motor acaba cortando.
            self.close_connection = True
            return self._say("")
        if path == "/images/create":
            return self._pull(scenario, f"{query['fromImage']}{_joint(query['tag'])}")
        return self._say(_look(scenario, self.command, path, query))

    def _say(self, answer: Json | list[Json] | str | Refusal) -> None:
        status = answer.status if isinstance(answer, Refusal) else 200
        document = {"message": answer.message} if isinstance(answer, Refusal) else answer
        body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self._head(status, {"Content-Length": str(len(body)), "Content-Type": "application/json"})
        self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        scenario = self.server.scenario
        self.send_response_only(status)
        self.send_header("Api-Version", scenario.api)
        self.send_header("Ostype", scenario.os_type)
        self.send_header("Server", f"Docker/{scenario.version} ({scenario.os_type})")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _pull(self, scenario: Scenario, reference: str) -> None:
        scenario.asked.append(f"… bajar {reference}")
        pull = scenario.pulls.get(reference, Refusal(404, f"manifest for {reference} not found: manifest unknown"))
        if isinstance(pull, Refusal):
            return self._say(pull)
        self._head(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
        for line in pull.lines:
            self._chunk(json.dumps(line).encode() + b"\r\n")
        if pull.hold is not None:
            pull.hold.wait(10)
        if pull.arrives is not None:
            scenario.images[reference] = pull.arrives
        self._chunk(b"")
        return None

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


def _joint(tag: str) -> str:
    return f"@{tag}" if tag.startswith("sha256:") else f":{tag}"


def _look(scenario: Scenario, command: str, path: str, query: dict[str, str]) -> Json | list[Json] | str | Refusal:
    match path.split("/")[1:]:
        case ["_ping"]:
            return "OK"
        case ["version"]:
            return {
                "Version": scenario.version,
                "ApiVersion": scenario.api,
                "MinAPIVersion": scenario.minimum,
                "Os": scenario.os_type,
            }
        case ["info"]:
            about = {"OSType": "linux", "Architecture": "x86_64", "DockerRootDir": "/", "SecurityOptions": []}
            return about | {"ServerVersion": scenario.version, "OperatingSystem": "Debian"} | scenario.info
        case ["images", *name, "json"]:
            reference = "/".join(name)
            return scenario.images.get(reference) or Refusal(404, f"No such image: {reference}")
        case ["images", *name, "tag"]:
            named = f"{query['repo']}:{query['tag']}"
            source = next(one for one in scenario.images.values() if one["Id"] == "/".join(name))
            source["RepoTags"].append(named)
            scenario.images[named] = source
            return ""
        case ["distribution", *name, "json"]:
            return scenario.manifests.get(
                "/".join(name), Refusal(500, f'Get "https://x/v2/": {"/".join(name)}: EOF')
            )
        case ["containers", "json"]:
            return _labelled(scenario.containers, query)
        case ["networks"]:
            return _labelled(scenario.networks, query)
        case ["volumes"]:
            return {"Volumes": _labelled(scenario.volumes, query), "Warnings": None}
    return Refusal(404, f"page not found: {command} {path}")


def _labelled(things: list[Json], query: dict[str, str]) -> list[Json]:
    """Las que llevan todas las etiquetas que se piden en `filters`."""
    filters = json.loads(query.get("filters", "{}")).get("label", [])
    wanted = list(filters if isinstance(filters, list) else filters.keys())
    return [one for one in things if all(_has(one.get("Labels") or {}, label) for label in wanted)]


def _has(labels: dict[str, str], wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)
