"""Quién decimos ser: la versión de Kong que se imita y los números que su configuración de fábrica fija.

Salen de `kong.conf.default` y de las plantillas de nginx de Kong 3.9.3
(https://docs.konghq.com/gateway/3.9.x/reference/configuration/).
"""

from __future__ import annotations

VERSION = "3.9.3"
TOKEN = f"kong/{VERSION}"
"""Lo que va en `Server` y, con la versión del protocolo delante, en `Via`."""

WORKSPACE = "default"

# Plazos de cara al cliente, los de nginx de fábrica (en segundos).
HEADER_TIMEOUT_S = 60.0
BODY_TIMEOUT_S = 60.0
SEND_TIMEOUT_S = 60.0
KEEPALIVE_TIMEOUT_S = 75.0

# Kong guarda 60 s las conexiones ociosas con los servicios. Uvicorn, que sirve nuestros microservicios,
# cierra las suyas a los 5 s: se sueltan antes para que una petición nunca caiga en una que se está cerrando.
UPSTREAM_IDLE_S = 4.0

# `large_client_header_buffers 4 8k`: 8 KB por línea y 32 KB en total.
MAX_LINE_BYTES = 8 * 1024
MAX_HEAD_BYTES = 32 * 1024

CHUNK_BYTES = 64 * 1024
