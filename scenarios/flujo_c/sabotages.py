"""Cómo se estropea cada paso del flujo C, de verdad y solo ese paso."""

from __future__ import annotations

from scenarios.engine.context import Run
from scenarios.engine.faults import with_env
from scenarios.engine.flow import after, before
from scenarios.engine.sabotage import BadClient, DropCall, Misconfigure, Sabotage
from scenarios.flujo_c import client, spans
from scenarios.flujo_c.services import WELL
from stack.model import Service


def _lost(run: Run, service: Service) -> Service:
    """Finanzas buscando a Consul donde no hay nadie."""
    return with_env(service, {"CONSUL_HTTP_ADDR": "127.0.0.1:9"})


def _moved(run: Run, service: Service) -> Service:
    """La pasarela apuntada en Consul con una dirección en la que no está."""
    return with_env(service, {"ADVERTISE_ADDRESS": "127.0.0.1:9"})


def _unsampled(run: Run, service: Service) -> Service:
    """La pasarela sin contar nada de lo que hace (https://opentelemetry.io/docs/concepts/sampling/)."""
    return with_env(service, {"OTEL_TRACES_SAMPLER": "always_off"})


SABOTAGES: dict[str, Sabotage] = {
    "C1": Misconfigure("Finanzas busca a Consul en un puerto donde no hay nadie", "finanzas", _lost),
    "C2": Misconfigure("La pasarela sana se apunta en Consul con una dirección que no es la suya", WELL, _moved),
    "C3": DropCall("La llamada de Finanzas a la pasarela se corta cada vez", before(spans.CALL)),
    "C4": DropCall("La pasarela no consigue hablar con el proveedor de pagos", before(spans.PROVIDER)),
    "C5": DropCall("La pasarela se rompe justo antes de contestar", after(spans.PROVIDER), crash=True),
    "C6": BadClient("El cliente no cuenta su parte: el span de Finanzas se queda sin padre", client.SILENT),
    "C7": Misconfigure("La pasarela no cuenta nada a Jaeger", WELL, _unsampled),
}
