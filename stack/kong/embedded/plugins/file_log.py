"""`file-log`: una línea JSON por petición (kong/plugins/file-log y `kong.log.serialize`, Kong 3.9).

Kong tapa `Authorization` y `Proxy-Authorization`; aquí se tapan también las cookies, las claves de API y los
tokens que viajan en la consulta: un registro no es sitio para una credencial.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time

from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.models import PluginConfig
from stack.kong.embedded.plugins.base import Plugin, Runtime
from stack.kong.embedded.redact import as_logged
from stack.kong.embedded.schema import Field, Record


class FileLog(Plugin):
    """Escribe cada petición en un fichero."""

    name = "file-log"
    priority = 9
    per_consumer = True
    config = Record(
        {
            "path": Field(
                "string",
                required=True,
                check=lambda value: None if re.fullmatch(r"[^*&%\\`]+", value) else "not a valid filename",
            ),
            "reopen": Field("boolean", required=True, default=False),
            "custom_fields_by_lua": Field("uncovered"),
        }
    )

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._files: dict[str, int] = {}

    def log(self, x: Exchange, conf: PluginConfig) -> None:
        path = conf.config["path"]
        if conf.config["reopen"] and path in self._files:
            os.close(self._files.pop(path))
        line = json.dumps(as_logged(x, time.time()), ensure_ascii=False, separators=(",", ":")) + "\n"
        try:
            if path not in self._files:
                self._files[path] = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
            os.write(self._files[path], line.encode())
        except OSError as error:
            print(f"file-log: no se puede escribir en {path}: {error.strerror}", file=sys.stderr)
