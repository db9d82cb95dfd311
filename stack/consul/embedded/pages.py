"""Las páginas: servicios con sus instancias y comprobaciones, claves y sesiones."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route


def routes() -> list[BaseRoute]:
    return [Route("/ui/", lambda request: RedirectResponse("/ui/dc1/services"))]


def prepare(app: Starlette) -> None:
    """Lo que las plantillas usan por su nombre."""
