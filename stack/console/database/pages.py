"""Las páginas de la base de datos. No son `async`: el cliente bloquea, y así Starlette las corre en sus hilos."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from stack.console import spanish
from stack.console.database import client
from stack.console.fidelity import badge
from stack.database.service import DATABASE
from stack.web import page

Handler = Callable[[Request], Response]

_LONGEST = 200
_LAST_PAGE = 100_000


def _page(request: Request, template: str, *, status: int = 200, product: str = "", **context: Any) -> Response:
    return page(
        request,
        template,
        status=status,
        es=spanish,
        badge=badge(DATABASE, product),
        address=client.address(),
        quote=quote,
        **context,
    )


def _asking_postgres(handler: Handler) -> Handler:
    """Si la base no contesta, no nos deja o no tiene esa tabla, una página que dice qué hacer."""

    @wraps(handler)
    def guarded(request: Request) -> Response:
        try:
            return handler(request)
        except client.DatabaseDown:
            return _page(request, "service_down.html", status=503, service=DATABASE)
        except client.DatabaseRefused:
            return _page(request, "database_refused.html", status=502)
        except client.NoSuchTable as error:
            return _page(request, "database_missing.html", status=404, name=str(error))

    return guarded


@_asking_postgres
def tables(request: Request) -> Response:
    """`/database`: las tablas, cuántas filas tienen y cuánto ocupan."""
    with client.connected() as connection:
        found = client.tables(connection)
        product = client.version(connection)
    return _page(request, "database_tables.html", product=product, tables=found)


@_asking_postgres
def table(request: Request) -> Response:
    """`/database/{tabla}?pagina=…`: cómo es una tabla y lo que tiene."""
    name, number = request.path_params["table"], request.query_params.get("pagina", "")
    asked = min(max(int(number), 1), _LAST_PAGE) if number.isdecimal() and len(number) < 9 else 1
    with client.connected() as connection:
        columns = client.columns(connection, name)
        about = client.described(connection, name)
        rows = client.rows(connection, name, columns, (asked - 1) * client.PAGE)
        product = client.version(connection)
    return _page(
        request,
        "database_table.html",
        product=product,
        table=about,
        columns=columns,
        rows=rows,
        number=asked,
        more=asked * client.PAGE < about.rows or (about.more and len(rows) == client.PAGE),
        shown=shown,
        zip=zip,
    )


def shown(value: Any) -> str:
    """Un valor, como se lee: fechas y números a la española, los bytes en hexadecimal, lo largo cortado."""
    match value:
        case bool():
            return "sí" if value else "no"
        case datetime():
            return spanish.moment(value.timestamp() * 1000)[:-4]
        case bytes():
            text = value[: _LONGEST // 2].hex()
        case _ if type(value).__name__ in ("Decimal", "float"):
            return str(value).replace(".", ",")
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
