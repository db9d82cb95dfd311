"""Arranca servicios de verdad para una prueba, en puertos libres y una carpeta temporal, y los recoge después."""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stack.addresses import Endpoint, Viewpoint, render, variables
from stack.catalog import SERVICES
from stack.model import Service
from stack.prepare import prepare
from stack.probes import check, describe
from stack.runtimes.process import spawn


def free_port() -> int:
    """Un puerto que estaba libre hace un momento."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    *names: str,
    root: Path,
    overrides: Mapping[str, Service] | None = None,
    extra: Sequence[Service] = (),
) -> Iterator[dict[str, str]]:
    """Arranca los servicios `names` y entrega sus variables (las de `stacklab env`, más las `*_URL`).

    `overrides` cambia la descripción de un servicio (p. ej. otra configuración); `extra` añade otros.
    """
    catalog = {service.name: service for service in (*SERVICES, *extra)} | dict(overrides or {})
    endpoints = [
        Endpoint(service.name, port.name, port.scheme, "127.0.0.1", number, "127.0.0.1", number)
        for service in catalog.values()
        for port in service.ports
        for number in (free_port(),)
    ]
    credentials = {
        name.upper(): secrets.token_hex(16) for service in catalog.values() for name in service.credentials
    }
    values = variables(endpoints, Viewpoint.HOST) | credentials
    exports = dict(values)
    with ExitStack() as stack:
        for name in names:
            service = catalog[name]
            prepared = prepare(service, endpoints=endpoints, credentials=credentials, root=root)
            log = root / f"{name}.log"
            process = spawn(prepared, log)
            stack.callback(_stop, process, service.embedded.stop_grace_s)
            _wait(service, prepared.endpoints, process, log)
            exports |= {key: render(text, values, where=name) for key, text in service.exports.items()}
        yield exports


def _wait(service: Service, endpoints: Sequence[Endpoint], process: subprocess.Popen[bytes], log: Path) -> None:
    ports = {endpoint.port: endpoint for endpoint in endpoints}
    deadline = time.monotonic() + service.embedded.ready_timeout_s
    problem: str | None = "todavía no se ha preguntado"
    while time.monotonic() < deadline and process.poll() is None:
        problem = check(service.probe, ports)
        if problem is None:
            return
        time.sleep(0.02)
    tail = log.read_text("utf-8", "replace")[-3000:]
    raise AssertionError(f"{service.name}: {describe(service.probe, ports)}: {problem}\n{tail}")


def _stop(process: subprocess.Popen[bytes], grace_s: float) -> None:
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
