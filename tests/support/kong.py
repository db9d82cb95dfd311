"""Un Kong con una ruta por cada cosa que se prueba, y lo que hace falta alrededor: servicios y recolector."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import requests
import yaml
from Crypto.PublicKey import ECC, RSA
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websocket

from stack.kong.service import KONG
from stack.model import ConfigFile
from tests.support.running import free_port, from_service
from tests.support.upstreams import Collector, Echo, collecting, serving

SECRET = "un secreto de prueba de más de sesenta y cuatro bytes, que es lo que pide HS512"
RSA_KEY = RSA.generate(2048)
EC_KEY = ECC.generate(curve="P-256")


def config(*, echo: int, websocket: int, nobody: int, collector: int) -> dict[str, Any]:
    """La configuración de estas pruebas: una ruta por cada cosa que se mira. Los números son puertos."""
    host, _, port = from_service(echo).rpartition(":")
    pem = RSA_KEY.public_key().export_key().decode()
    ec_pem = EC_KEY.public_key().export_key(format="PEM")

    def route(name: str, path: str, *plugins: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"name": name, "paths": [path], "plugins": list(plugins)} | more

    def plugin(name: str, **options: Any) -> dict[str, Any]:
        return {"name": name, "config": options}

    cors = plugin("cors", origins=["https://app.example", r".*\.prueba\.example$"], credentials=True, max_age=60)
    return {
        "_format_version": "3.0",
        "services": [
            {
                "name": "eco",
                "host": host,
                "port": int(port),
                "retries": 0,
                "read_timeout": 400,
                "tags": ["pruebas"],
                "routes": [
                    route("recorta", "/recorta"),
                    route("entera", "/entera", strip_path=False),
                    route("larga", "/recorta/mas/larga"),
                    route("regex", r"~/pedidos/\d+$", strip_path=False),
                    route("solo-put", "/recorta", methods=["PUT"]),
                    {"name": "por-host", "paths": ["/recorta"], "hosts": ["*.ejemplo.es"]},
                    {"name": "por-cabecera", "paths": ["/recorta"], "headers": {"X-Version": ["v2"]}},
                    route("conserva", "/conserva", preserve_host=True),
                    route("solo-https", "/segura", protocols=["https"]),
                    route("jwt", "/jwt", plugin("jwt", claims_to_verify=["exp", "nbf"], cookie_names=["sesion"])),
                    route(
                        "jwt-corto",
                        "/corto",
                        plugin("jwt", claims_to_verify=["exp"], maximum_expiration=60, realm="taller"),
                    ),
                    route("anonima", "/anonima", plugin("jwt", anonymous="nadie")),
                    route("clave", "/clave", plugin("key-auth", hide_credentials=True)),
                    route("grupo", "/grupo", plugin("key-auth"), plugin("acl", allow=["admins"])),
                    route("limite", "/limite", plugin("key-auth"), plugin("rate-limiting", month=3, year=1000)),
                    route("cors", "/cors", cors),
                    route("correlacion", "/correlacion", plugin("correlation-id", echo_downstream=True)),
                    route(
                        "pesa",
                        "/pesa",
                        plugin("request-size-limiting", allowed_payload_size=1, size_unit="kilobytes"),
                    ),
                ],
            },
            {
                "name": "nadie",
                "url": f"http://{from_service(nobody)}",
                "retries": 0,
                "routes": [route("nadie", "/nadie")],
            },
            {
                "name": "sin-nombre",
                "url": "http://no-existe.invalid",
                "routes": [route("sin-nombre", "/sin-nombre")],
            },
            {"name": "ws", "url": f"http://{from_service(websocket)}", "routes": [route("ws", "/ws")]},
        ],
        "routes": [{"name": "suelta", "service": "eco", "paths": ["/suelta"]}],
        "consumers": [
            {
                "username": "ana",
                "custom_id": "a-1",
                "jwt_secrets": [
                    {"key": "ana-256", "secret": SECRET, "algorithm": "HS256"},
                    {"key": "ana-384", "secret": SECRET, "algorithm": "HS384"},
                    {"key": "ana-512", "secret": SECRET, "algorithm": "HS512"},
                    {"key": "ana-rsa", "algorithm": "RS256", "rsa_public_key": pem},
                    {"key": "ana-ec", "algorithm": "ES256", "rsa_public_key": ec_pem},
                ],
                "keyauth_credentials": [{"key": "clave-de-ana"}],
                "acls": [{"group": "admins"}],
            },
            {
                "username": "beto",
                "keyauth_credentials": [{"key": "clave-de-beto"}],
                "plugins": [plugin("rate-limiting", month=1)],
            },
            {"username": "nadie"},
        ],
        "plugins": [
            plugin("prometheus", status_code_metrics=True, latency_metrics=True, bandwidth_metrics=True),
            plugin(
                "opentelemetry",
                traces_endpoint=f"http://{from_service(collector)}/v1/traces",
                queue={"max_coalescing_delay": 0.1},
            ),
        ],
    }


@dataclasses.dataclass(frozen=True)
class Kong:
    """Dónde está Kong y adónde manda sus trazas."""

    proxy: str
    admin: str
    status: str
    collector: Collector
    document: dict[str, Any]

    def get(self, path: str, **options: Any) -> requests.Response:
        """Un GET por el proxy."""
        return requests.get(self.proxy + path, timeout=10, **options)

    @property
    def address(self) -> tuple[str, int]:
        """La máquina y el puerto del proxy."""
        host, _, port = self.proxy.removeprefix("http://").rpartition(":")
        return host, int(port)

    def samples(self) -> dict[str, list[Any]]:
        """Las métricas, por familia."""
        text = requests.get(f"{self.status}/metrics", timeout=10).text
        return {family.name: family.samples for family in text_string_to_metric_families(text)}

    def requests_by_route(self) -> dict[str, float]:
        """Cuántas peticiones lleva cada ruta."""
        totals: dict[str, float] = {}
        for sample in self.samples().get("kong_http_requests", []):
            totals[sample.labels["route"]] = totals.get(sample.labels["route"], 0) + sample.value
        return totals


def _chat(connection: ServerConnection) -> None:
    try:
        for message in connection:
            if message == "adiós":
                connection.close(4001, "hasta luego")
            connection.send(message)
    except ConnectionClosed:
        pass


@contextmanager
def kong_lab(started: Callable[..., dict[str, str]], folder: Path) -> Iterator[Kong]:
    """Kong en marcha con la configuración de arriba. `started` arranca servicios; `folder` es para su fichero."""
    with serving(Echo) as echo, collecting() as collector, serve_websocket(_chat, "127.0.0.1", 0) as chat:
        thread = threading.Thread(target=chat.serve_forever)
        thread.start()
        websocket: int = chat.socket.getsockname()[1]
        document = config(echo=echo, websocket=websocket, nobody=free_port(), collector=collector.port)
        path = folder / "kong.yaml"
        path.write_text(yaml.safe_dump(document), "utf-8")
        service = dataclasses.replace(KONG, config=(ConfigFile("kong.yaml", (path,)),))
        env = started("kong", overrides={"kong": service}, servers=[echo, websocket, collector.port])
        yield Kong(env["KONG_PROXY_URL"], env["KONG_ADMIN_URL"], env["KONG_STATUS_URL"], collector, document)
        chat.shutdown()
        thread.join()


def token(key: str = "ana-256", *, secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """Un JWT de la credencial `key`, que caduca dentro de un minuto si no se dice otra cosa."""
    now = int(time.time())
    return jwt.encode({"iss": key, "nbf": now - 5, "exp": now + 55} | claims, secret, algorithm=algorithm)


def signed(key: str, algorithm: str, sign: Callable[[bytes], bytes]) -> str:
    """Un JWT firmado con clave privada."""

    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"iss": key, "nbf": 0, "exp": int(time.time()) + 55}
    content = part(json.dumps({"alg": algorithm}).encode()) + b"." + part(json.dumps(claims).encode())
    return (content + b"." + part(sign(content))).decode()


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}
