"""La base de datos (PostgreSQL) vista por un microservicio, con SQLAlchemy 2.

Cada consulta es un span, y además lleva la traza escrita al lado, en un comentario (sqlcommenter): en la base de
datos, `pg_stat_activity` dice de qué petición es cada consulta lenta. Los valores van siempre aparte, como
parámetros: ni el texto de la consulta, ni el span, ni los errores los llevan.
https://google.github.io/sqlcommenter/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.instrumentation.utils import suppress_instrumentation
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from scenarios.kit.errors import Unavailable
from scenarios.kit.settings import required
from scenarios.kit.telemetry import instrument_database

CONNECT_WITHIN_S, QUERY_WITHIN_S = 2, 5

_FAILURES = (SQLAlchemyError, OSError)


class Database:
    """Conexiones que se reutilizan. Cualquier fallo sale como `Unavailable`."""

    def __init__(self, address: str, name: str, user: str, password: str, *, who: str) -> None:
        """`address` es `host:puerto`; `who`, el nombre con que la base de datos conocerá a este microservicio."""
        host, _, port = address.rpartition(":")
        self._engine = create_engine(
            URL.create("postgresql+psycopg", user, password, host, int(port), name),
            hide_parameters=True,
            # Una conexión que murió mientras nadie la usaba se cambia por otra sin que la petición se entere.
            pool_pre_ping=True,
            pool_timeout=CONNECT_WITHIN_S + 1,
            connect_args={
                "connect_timeout": CONNECT_WITHIN_S,
                "application_name": who,
                "options": f"-c statement_timeout={QUERY_WITHIN_S * 1000}",
            },
        )
        instrument_database(self._engine)

    @classmethod
    def from_env(cls, password: str, *, who: str) -> Database:
        """Con `DATABASE_ADDRESS`, `DATABASE_NAME` y `DATABASE_USER`; la contraseña la trae quien llama."""
        return cls(
            required("DATABASE_ADDRESS"),
            required("DATABASE_NAME"),
            required("DATABASE_USER"),
            password,
            who=who,
        )

    def connect(self) -> None:
        """Se conecta ya, para que la primera petición no tenga que esperar a la conexión."""
        with suppress_instrumentation(), self.reading() as session:
            session.execute(text("SELECT 1"))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Una sesión para leer: cada consulta vale por sí sola, sin abrir una transacción."""
        try:
            with Session(self._engine.execution_options(isolation_level="AUTOCOMMIT")) as session:
                yield session
        except _FAILURES as error:
            raise Unavailable("La base de datos", type(error).__name__) from error

    def close(self) -> None:
        """Cierra las conexiones."""
        self._engine.dispose()
