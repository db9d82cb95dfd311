"""La aplicación: la portada y las páginas de Kafka, Redis, MinIO y la base de datos."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from stack.console.kafka.urls import routes as kafka_routes
from stack.web import Coverage, create_app

_HERE = Path(__file__).parent

COVERAGE = Coverage(
    title="stacklab",
    imitates="",
    covers=(
        "Ver los topics, los mensajes y los grupos de Kafka, y cuánto les falta por leer.",
        "Ver las claves de Redis con su tipo y lo que les queda, buscarlas y ver su valor.",
        "Ver los buckets y los objetos de MinIO con sus versiones, metadatos y etiquetas, y descargarlos.",
        "Ver las tablas de la base de datos, cómo son y sus filas; lo que parece una contraseña no sale de ella.",
        "Leer con los clientes de siempre: enseñan lo mismo conteste Docker, un programa local o un suplente.",
    ),
    lacks=(
        "Escribir, borrar o cambiar nada: para eso están el código de los flujos y la línea de órdenes.",
        "Enseñarlo todo de una vez: lo que es muy grande se corta, y siempre se dice.",
    ),
)


def console() -> Starlette:
    """La aplicación entera. Sus direcciones y credenciales salen de las variables que enseña `stacklab env`."""
    return create_app(
        COVERAGE,
        [
            Route("/", _on_demand("stack.console.home", "home")),
            Route("/salud", health),
            Route("/redis", _on_demand("stack.console.redis.pages", "keys")),
            Route("/redis/clave", _on_demand("stack.console.redis.pages", "key")),
            Route("/minio", _on_demand("stack.console.minio.pages", "buckets")),
            Route("/minio/{bucket}", _on_demand("stack.console.minio.pages", "bucket")),
            Route("/minio/{bucket}/objeto", _on_demand("stack.console.minio.pages", "item")),
            Route("/minio/{bucket}/vista", _on_demand("stack.console.minio.pages", "view")),
            Route("/database", _on_demand("stack.console.database.pages", "tables")),
            Route("/database/{table:path}", _on_demand("stack.console.database.pages", "table")),
            *kafka_routes,
            Mount("/_consola", StaticFiles(directory=_HERE / "static")),
        ],
        templates=_HERE / "templates",
        nav=(
            ("Inicio", "/"),
            ("Kafka", "/kafka"),
            ("Redis", "/redis"),
            ("MinIO", "/minio"),
            ("Base de datos", "/database"),
        ),
    )


async def health(request: Request) -> Response:
    """`/salud`: esta página está en marcha. Cómo están los servicios que enseña lo dice la portada."""
    return JSONResponse({"status": "ok"})


def _on_demand(module: str, name: str) -> Callable[[Request], Response]:
    """Un manejador cuyo módulo se carga la primera vez que alguien lo pide.

    Los clientes de Redis y S3 tardan 0,3 s en cargar y ocupan 25 MB: hasta que alguien mira, no hacen falta.
    """

    def handler(request: Request) -> Response:
        found = cast("Callable[[Request], Response]", getattr(import_module(module), name))
        return found(request)

    handler.__name__ = name
    return handler
