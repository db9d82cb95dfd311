"""La aplicación Starlette de un suplente o de una página de stacklab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from jinja2 import Environment as JinjaEnvironment
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from stack.web.guard import LocalOnly

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Coverage:
    """Qué imita un suplente, qué cubre y qué no. De aquí sale su página `/cobertura` y el pie de todas.

    `imitates` es el programa y la versión con que se comparó («Jaeger 2.13»); vacío si la página no imita
    a nadie. `covers` y `lacks` son frases cortas para una persona.
    """

    title: str
    imitates: str
    covers: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


def create_app(
    coverage: Coverage,
    routes: Sequence[BaseRoute],
    *,
    templates: Path | None = None,
    nav: Sequence[tuple[str, str]] = (),
) -> Starlette:
    """Una aplicación con la seguridad de casa, la página de cobertura y 501 para lo que no se imita.

    `templates` es la carpeta de plantillas propia (heredan de `base.html`). `nav` son pares (texto, ruta)
    del menú. Las rutas propias van primero.
    """
    loaders = [FileSystemLoader(templates)] if templates else []
    environment = JinjaEnvironment(
        loader=ChoiceLoader([*loaders, FileSystemLoader(_HERE / "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"coverage": coverage, "nav": tuple(nav)}
    app = Starlette(
        routes=[
            *routes,
            Route("/cobertura", _coverage_page),
            Mount("/_stacklab", StaticFiles(directory=_HERE / "static")),
        ],
        middleware=[Middleware(LocalOnly)],
        exception_handlers={404: _not_covered},
    )
    app.state.templates = environment
    app.state.coverage = coverage
    return app


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Pinta `template` con `context`; en la plantilla `request` y `coverage` están siempre."""
    environment: JinjaEnvironment = request.app.state.templates
    text = environment.get_template(template).render(request=request, **context)
    return HTMLResponse(text, status_code=status)


def _coverage_page(request: Request) -> Response:
    return page(request, "coverage.html")


def _not_covered(request: Request, error: Exception) -> Response:
    """Un 404 que dio una ruta nuestra se respeta; una ruta que no existe es algo que no imitamos: 501."""
    detail = getattr(error, "detail", "Not Found")
    if detail != "Not Found":
        return JSONResponse({"error": detail}, status_code=404)
    coverage: Coverage = request.app.state.coverage
    who = f"Este suplente de {coverage.imitates}" if coverage.imitates else "Esta página de stacklab"
    message = f"{who} no atiende {request.method} {request.url.path}. En /cobertura está qué cubre y qué no."
    if "text/html" in request.headers.get("accept", ""):
        return page(request, "message.html", status=501, heading="Aquí no llega el suplente", message=message)
    return JSONResponse({"error": message}, status_code=501)
