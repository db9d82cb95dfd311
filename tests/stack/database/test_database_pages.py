"""Las páginas de la base de datos, con tablas de verdad: se ve cómo son y qué tienen; las contraseñas, no."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from stack.console.app import console
from stack.console.database import client
from stack.console.database.pages import shown
from tests.support.asgi import Answer, get
from tests.support.running import free_port, runtime

pytestmark = pytest.mark.skipif(runtime() == "docker", reason="la base de estas pruebas es un proceso")

TABLES = """
CREATE TABLE personas (id serial PRIMARY KEY, nombre text NOT NULL, alta timestamptz, activa bool,
  saldo numeric(8,2));
CREATE TABLE cuentas (persona_id int PRIMARY KEY REFERENCES personas (id), password_hash text NOT NULL,
  foto bytea);
CREATE TABLE "rara & única" (x int);
INSERT INTO personas (nombre, alta, activa, saldo)
  SELECT 'Persona ' || n, '2026-11-24 10:00+00', true, 9.50 FROM generate_series(1, 120) n;
UPDATE personas SET nombre = '<b>Ana</b>', saldo = NULL WHERE id = 1;
INSERT INTO cuentas VALUES (1, '$argon2id$resumen', '\\x00ff');
"""


@pytest.fixture(scope="module")
def filled(base: Any) -> Iterator[str]:
    address: str = base.up()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(TABLES)
        yield address
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


@pytest.fixture
def url(filled: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", filled.replace("postgresql:", "postgresql+psycopg:"))
    return filled


def seen(path: str) -> Answer:
    answer = get(console(), path)
    assert answer.status == 200, answer.text
    return answer


@pytest.mark.usefixtures("url")
def test_the_tables_with_how_much_they_hold() -> None:
    page = seen("/database").text
    assert page.index("cuentas") < page.index("personas") < page.index("rara &amp;")
    assert '<td class="num">120</td>' in page
    assert "PostgreSQL" in page
    assert 'href="/database/rara%20%26%20%C3%BAnica"' in page
    assert "La tabla está vacía" in seen("/database/rara%20%26%20%C3%BAnica").text


@pytest.mark.usefixtures("url")
def test_a_table_its_rows_by_pages_and_its_rules() -> None:
    page = seen("/database/personas").text
    assert "&lt;b&gt;Ana&lt;/b&gt;" in page
    assert "9,50" in page
    assert "24 nov 2026" in page
    assert "nada" in page
    assert "numeric(8,2)" in page
    assert "Persona 50<" in page
    assert "Persona 51<" not in page
    third = seen("/database/personas?pagina=3").text
    assert "Persona 101<" in third
    assert "Siguientes" not in third
    assert "ya no hay más filas" in seen("/database/personas?pagina=9").text
    assert "Persona 2<" in seen("/database/personas?pagina=-1").text


@pytest.mark.usefixtures("url")
def test_a_password_does_not_leave_the_database() -> None:
    page = seen("/database/cuentas").text
    assert "argon2id" not in page
    assert "•••" in page
    assert 'href="/database/personas"' in page
    assert "00ff" in page


@pytest.mark.usefixtures("url")
def test_nothing_can_be_written_from_here() -> None:
    with client.connected() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("DELETE FROM cuentas")


@pytest.mark.usefixtures("url")
def test_a_table_that_is_not_there() -> None:
    answer = get(console(), "/database/personas%22%3B%20drop%20table%20cuentas")
    assert answer.status == 404
    assert "no está" in answer.text
    assert "cuentas" in seen("/database").text


def test_stopped_or_with_another_password_it_says_what_to_do(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url.replace("stacklab:", "stacklab:x"))
    answer = get(console(), "/database")
    assert (answer.status, "stacklab up console" in answer.text) == (502, True)
    monkeypatch.setenv("DATABASE_URL", f"postgresql+psycopg://stacklab:secreta@127.0.0.1:{free_port()}/escuela")
    answer = get(console(), "/database/personas")
    assert (answer.status, "stacklab up database" in answer.text) == (503, True)
    assert "secreta" not in answer.text


def test_values_are_read_as_in_spanish() -> None:
    assert [shown(one) for one in (True, False, 2.5, b"\x00\xff", "x" * 500)] == [
        "sí",
        "no",
        "2,5",
        "00ff",
        "x" * 200 + "…",
    ]
