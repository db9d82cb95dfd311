"""Logs en JSON, una línea por suceso, con la traza a la que pertenecen.

Con `trace_id` en cada línea se va del log a Jaeger y de Jaeger al log. Ninguna línea lleva tokens ni claves.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Convierte cada registro en una línea JSON; lo que se pasa en `extra` sale como campos propios."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        from opentelemetry import trace

        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "message": record.getMessage(),
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = trace.format_trace_id(context.trace_id)
            line["span_id"] = trace.format_span_id(context.span_id)
        line |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def setup_logs(service: str) -> None:
    """Toda la salida de `service` va a stdout como líneas JSON, también la de las bibliotecas."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("uvicorn.error", "uvicorn.access", "urllib3.connectionpool"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Que Jaeger no conteste se dice una vez por lote perdido, no en cada reintento.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
