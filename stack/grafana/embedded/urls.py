"""La aplicación entera: API, páginas y gráficas."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stack.grafana.embedded.api import Api
from stack.grafana.embedded.coverage import COVERAGE
from stack.grafana.embedded.models import Library
from stack.grafana.embedded.pages import Pages
from stack.grafana.embedded.prometheus import Prometheus
from stack.web import charts, create_app, page

_TEMPLATES = Path(__file__).parent / "templates"


def application(library: Library, client: Prometheus | None = None) -> Starlette:
    """La aplicación ASGI de una biblioteca aprovisionada."""
    client = client or Prometheus()
    app = create_app(
        COVERAGE,
        [*Api(library, client).routes(), *Pages(library, client).routes(), *charts.routes()],
        templates=_TEMPLATES,
        nav=(("Tableros", "/dashboards"),),
    )
    not_covered = app.exception_handlers[404]

    def missing(request: Request, error: Exception) -> Response:
        """Un tablero que no existe se dice con una página, no con JSON, a quien abre un enlace viejo."""
        detail = error.detail if isinstance(error, HTTPException) else "Not Found"
        if detail != "Not Found" and "text/html" in request.headers.get("accept", ""):
            return page(request, "message.html", status=404, heading="Aquí no está", message=detail)
        answer = not_covered(request, error)
        return answer if isinstance(answer, Response) else JSONResponse({"error": detail}, 404)

    app.add_exception_handler(404, missing)
    return app
