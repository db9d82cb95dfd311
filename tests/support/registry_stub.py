"""Un registro de imágenes de mentira, para que un motor de Docker de verdad baje de él.

Sirve lo que pide una bajada (https://distribution.github.io/distribution/spec/api/): índices, manifiestos y capas.
Las imágenes son unos bytes cualesquiera: no se pueden ejecutar, pero llegan y se desempaquetan como las demás.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_CONFIG = "application/vnd.docker.container.image.v1+json"


@dataclass
class Registry:
    """Lo que guarda y cómo se porta.

    `says` son los nombres que contestan con un error (código HTTP, código y texto); `slow`, los que esperan antes
    de dar una capa; `asked` es todo lo que se le ha pedido.
    """

    address: str = ""
    blobs: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    says: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    slow: dict[str, threading.Event] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        tag: str,
        *,
        machines: tuple[str, ...] = ("amd64", "arm64"),
        seed: int = 1,
        layer_kb: int = 300,
    ) -> str:
        """Guarda una imagen de dos capas para cada una de `machines` y devuelve la huella de su índice."""
        manifests = []
        for machine in machines:
            layers = [_layer(seed * 100 + number, layer_kb) for number in (1, 2)]
            config = {
                "architecture": machine,
                "os": "linux",
                "config": {"Cmd": ["/nada"]},
                "rootfs": {"type": "layers", "diff_ids": [_digest(gzip.decompress(one)) for one in layers]},
                "history": [{"created_by": "una prueba"}] * len(layers),
            }
            manifest = {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": self._keep(_CONFIG, json.dumps(config).encode()),
                "layers": [self._keep(_LAYER, one) for one in layers],
            }
            kept = self._keep(_MANIFEST, json.dumps(manifest).encode())
            manifests.append(kept | {"platform": {"os": "linux", "architecture": machine}})
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}
        digest = str(self._keep(_INDEX, json.dumps(index).encode())["digest"])
        self.tags[f"{name}:{tag}"] = digest
        return digest

    def _keep(self, kind: str, data: bytes) -> dict[str, Any]:
        digest = _digest(data)
        self.blobs[digest] = (kind, data)
        return {"mediaType": kind, "size": len(data), "digest": digest}


@contextmanager
def registry() -> Iterator[Registry]:
    """Un registro vacío en 127.0.0.1, que es donde un motor admite uno sin certificado."""
    kept = Registry()
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.kept = kept
        kept.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield kept
        finally:
            for waiting in kept.slow.values():
                waiting.set()
            server.shutdown()
            thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    kept: Registry


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        kept = self.server.kept
        kept.asked.append(f"{self.command} {self.path}")
        parts = self.path.strip("/").split("/")
        if parts == ["v2"]:
            return self._send(200, "application/json", b"{}")
        name, kind, which = "/".join(parts[1:-2]), parts[-2], parts[-1]
        if name in kept.says and kind == "manifests":
            return self._refuse(*kept.says[name])
        digest = kept.tags.get(f"{name}:{which}", which)
        if digest not in kept.blobs:
            return self._refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
        media, data = kept.blobs[digest]
        if media == _LAYER and name in kept.slow:
            kept.slow[name].wait(20)
        return self._send(200, media, data, digest)

    do_HEAD = do_GET

    def log_message(self, *words: object) -> None:
        """Sin ruido."""

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = {"errors": [{"code": code, "message": message}]}
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, media: str, data: bytes, digest: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command != "HEAD":
            # Quien se cansa a mitad de una capa cuelga: no es asunto del registro.
            with suppress(ConnectionError):
                self.wfile.write(data)


def _layer(seed: int, kilobytes: int) -> bytes:
    """Una capa con un fichero de bytes que no se dejan comprimir; siempre los mismos con la misma semilla."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo(f"datos-{seed}")
        content = Random(seed).randbytes(kilobytes * 1024)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
