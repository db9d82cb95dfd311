"""Lo que las páginas preguntan a PostgreSQL, con psycopg, en transacciones que solo leen y con plazos cortos.

Cómo es cada tabla lo dice su catálogo: https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

PAGE = 50
COUNTED = 10_000
"""Hasta cuántas filas se cuentan: contarlas todas es leerlas todas."""

_READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=2000"
_SECRET = re.compile(r"pass|hash|secret|token", re.IGNORECASE)


class DatabaseDown(Exception):
    """La base de datos no contesta."""


class DatabaseRefused(Exception):
    """Contesta, pero no nos deja entrar: la contraseña es otra."""


class NoSuchTable(Exception):
    """No hay ninguna tabla con ese nombre."""


@dataclass(frozen=True, slots=True)
class Table:
    """Una tabla: cuántas filas tiene (`more`: más de las que se cuentan) y cuánto ocupa, con sus índices."""

    name: str
    rows: int
    more: bool
    size: int


@dataclass(frozen=True, slots=True)
class Column:
    """Una columna. `target` es a qué tabla apunta; `secret`, si su contenido no se enseña."""

    name: str
    kind: str
    required: bool
    key: bool
    target: str

    @property
    def secret(self) -> bool:
        """Por el nombre: una contraseña, aunque sea su resumen, no tiene por qué salir en una página."""
        return bool(_SECRET.search(self.name))


def address() -> str:
    """Dónde está (`DATABASE_URL`), sin el usuario ni la contraseña."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return f"{parts.hostname}:{parts.port}{parts.path}"


@contextmanager
def connected() -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Una conexión de vida corta, que no puede escribir.

    Raises:
        DatabaseDown: no contesta, o dejó de contestar.
        DatabaseRefused: no acepta nuestra contraseña.
    """
    url = os.environ["DATABASE_URL"].replace("+psycopg", "", 1)
    try:
        with psycopg.connect(
            url, connect_timeout=2, options=_READ_ONLY, application_name="stacklab-console"
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        refused = "authentication failed" in str(error) or isinstance(error, psycopg.errors.InvalidPassword)
        raise (DatabaseRefused if refused else DatabaseDown)(address()) from error


def version(connection: psycopg.Connection[tuple[Any, ...]]) -> str:
    """«PostgreSQL 18.6»."""
    return f"PostgreSQL {connection.info.parameter_status('server_version') or ''}".partition(" (")[0].strip()


def tables(connection: psycopg.Connection[tuple[Any, ...]]) -> list[Table]:
    """Las tablas del esquema `public`, por orden alfabético."""
    found = connection.execute(
        "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname"
    ).fetchall()
    return [_counted(connection, name, size) for name, size in found]


def columns(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> list[Column]:
    """Las columnas de `table`, en su orden; `NoSuchTable` si no existe."""
    found = connection.execute(
        """
        SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               EXISTS (SELECT FROM pg_constraint k
                       WHERE k.conrelid = a.attrelid AND k.contype = 'p' AND a.attnum = ANY (k.conkey)),
               (SELECT f.confrelid::regclass::text FROM pg_constraint f
                WHERE f.conrelid = a.attrelid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum] LIMIT 1)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relname = %s AND c.relkind IN ('r', 'p')
              AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
        """,
        [table],
    ).fetchall()
    if not found:
        raise NoSuchTable(table)
    return [Column(name, kind, required, key, target or "") for name, kind, required, key, target in found]


def rows(
    connection: psycopg.Connection[tuple[Any, ...]], table: str, described: list[Column], start: int
) -> list[tuple[Any, ...]]:
    """Una página de filas a partir de `start`, por su clave. Lo secreto no llega a salir de la base."""
    shown = [sql.SQL("NULL") if column.secret else sql.Identifier(column.name) for column in described]
    keys = [sql.Identifier(column.name) for column in described if column.key]
    query = sql.SQL("SELECT {} FROM {} {} LIMIT {} OFFSET {}").format(
        sql.SQL(", ").join(shown),
        sql.Identifier("public", table),
        sql.SQL("ORDER BY {}").format(sql.SQL(", ").join(keys)) if keys else sql.SQL(""),
        PAGE,
        start,
    )
    return connection.execute(query).fetchall()


def described(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> Table:
    """Cuántas filas tiene `table` y cuánto ocupa."""
    size = connection.execute("SELECT pg_total_relation_size(%s::regclass)", [f'public."{table}"']).fetchone()
    return _counted(connection, table, size[0] if size else 0)


def _counted(connection: psycopg.Connection[tuple[Any, ...]], name: str, size: int) -> Table:
    query = sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT {}) AS counted").format(
        sql.Identifier("public", name), COUNTED + 1
    )
    answer = connection.execute(query).fetchone()
    count = int(answer[0]) if answer else 0
    return Table(name, min(count, COUNTED), count > COUNTED, size)
