"""La base de datos (PostgreSQL) vista por un microservicio, con SQLAlchemy 2.

Cada consulta es un span, y además lleva la traza escrita al lado, en un comentario (sqlcommenter): en la base de
datos, `pg_stat_activity` dice de qué petición es cada consulta lenta. Los valores van siempre aparte, como
parámetros: ni el texto de la consulta, ni el span, ni los errores los llevan.
https://google.github.io/sqlcommenter/ y https://opentelemetry.io/docs/specs/semconv/db/postgresql/

Los spans se hacen aquí, con los sucesos de SQLAlchemy, porque la instrumentación de OpenTelemetry no vale todavía
para la 2.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.utils import is_instrumentation_enabled, suppress_instrumentation
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from scenarios.kit.errors import Unavailable
from scenarios.kit.settings import required

CONNECT_WITHIN_S, QUERY_WITHIN_S = 2, 5

_FAILURES = (SQLAlchemyError, OSError)
_tracer = trace.get_tracer(__name__)


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
        _instrument(self._engine)

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


def _instrument(engine: Engine) -> None:
    """Un span por consulta de `engine`, y la traza escrita en la propia consulta."""
    common = {
        "db.system.name": "postgresql",
        "db.namespace": str(engine.url.database),
        "server.address": str(engine.url.host),
    }

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def starts(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> tuple[str, Any]:
        if not is_instrumentation_enabled():
            return statement, parameters
        verb = statement.split(None, 1)[0].upper()
        attributes = {**common, "db.operation.name": verb, "db.query.text": statement}
        span = _tracer.start_span(f"{verb} {engine.url.database}", kind=SpanKind.CLIENT, attributes=attributes)
        context.traced = span
        return (f"{statement} {_comment(span)}" if span.is_recording() else statement), parameters

    @event.listens_for(engine, "after_cursor_execute")
    def ends(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if (span := getattr(context, "traced", None)) is not None:
            context.traced = None
            span.end()

    @event.listens_for(engine, "handle_error")
    def fails(failure: Any) -> None:
        context = failure.execution_context
        if (span := getattr(context, "traced", None)) is not None:
            context.traced = None
            span.set_status(Status(StatusCode.ERROR, type(failure.original_exception).__name__))
            span.end()


def _comment(span: Span) -> str:
    about = span.get_span_context()
    trace_id, span_id = trace.format_trace_id(about.trace_id), trace.format_span_id(about.span_id)
    return f"/*traceparent='00-{trace_id}-{span_id}-01'*/"
