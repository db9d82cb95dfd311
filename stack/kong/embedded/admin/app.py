"""Las dos aplicaciones web del suplente: la de administración y la de estado."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from stack.kong.embedded.admin.page import home
from stack.kong.embedded.admin.status import status_routes
from stack.kong.embedded.admin.urls import admin_routes
from stack.kong.embedded.gateway import Gateway
from stack.kong.embedded.product import VERSION
from stack.web import Coverage, create_app

_HERE = Path(__file__).parent

COVERAGE = Coverage(
    title="Kong",
    imitates=f"Kong Gateway {VERSION}, sin base de datos",
    covers=(
        "kong.yaml de formato 3.0: servicios, rutas, consumidores, credenciales y plugins, anidados o sueltos",
        "Rutas por camino (con ~ para expresiones regulares), método, máquina con comodín y cabeceras",
        "Plugins: jwt, key-auth, acl, rate-limiting (en memoria), cors, correlation-id, request-size-limiting, "
        "prometheus, opentelemetry y file-log, con la precedencia de Kong",
        "Firmas HS256/384/512, RS256/384/512 y ES256/384/512",
        "Cuerpos de cualquier tamaño sin guardarlos, Expect: 100-continue, HEAD, conexiones persistentes",
        "WebSocket: se copian los bytes tal cual, códigos de cierre incluidos",
        "Reintentos y plazos de cada servicio; 502, 503 y 504 con el texto de Kong",
        "Admin API de lectura; recarga con POST /config, que como en Kong dura hasta que se reinicia",
        "Status API y métricas con los nombres de Kong",
    ),
    lacks=(
        "TLS, HTTP/2, gRPC, TCP y UDP: solo HTTP/1.1, también hacia los servicios",
        "Upstreams con varios destinos, comprobaciones de salud y certificados",
        "Los demás plugins de Kong, los contadores en Redis y lo que se programa en Lua",
        "Otros formatos de traza que no sean W3C, y los registros por OpenTelemetry",
        "Lo de pedir la clave dentro del cuerpo (key_in_body)",
        "La Admin API no enseña los secretos (Kong sí), y file-log y las trazas tapan más credenciales que Kong",
        "Kong recibe el cuerpo entero antes de llamar al servicio; aquí va pasando según llega, así que una "
        "petición con cuerpo no se repite si el servicio falla a medias",
        "Los datos de memoria de Lua en /status y /metrics",
    ),
)


def admin_app(gateway: Gateway) -> Starlette:
    """La Admin API y la página."""
    static = Mount("/_kong", StaticFiles(directory=_HERE / "static"))
    routes = [static, *admin_routes(gateway, home(gateway))]
    return create_app(COVERAGE, routes, templates=_HERE / "templates", nav=(("Puerta", "/"),))


def status_app(gateway: Gateway) -> Starlette:
    """La Status API."""
    return create_app(COVERAGE, status_routes(gateway))
