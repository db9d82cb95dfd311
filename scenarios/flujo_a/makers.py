"""Dónde está escrito cada paso del flujo A: fichero y función, o en Kong el nombre que tiene allí.

Es lo de quien llama o, si llama una persona, lo de quien la atiende. En una respuesta, lo de quien la recibe o, si
ese programa no es nuestro, lo de quien la da.
"""

from __future__ import annotations

_KONG = "scenarios/flujo_a/kong.yaml"
_UPLOADS = "scenarios/services/uploads.py"
_THUMBNAILS = "scenarios/services/thumbnails.py"
_METRICS = "scenarios/kit/metrics.py"
_TELEMETRY = "scenarios/kit/telemetry.py"

MAKERS = {
    "A1": f"{_KONG} · subir-avatar",
    "A2": f"{_KONG} · subir-avatar",
    "A3": f"{_KONG} · uploads",
    "A4": f"{_UPLOADS} · Uploads.accept",
    "A5": f"{_UPLOADS} · Uploads.accept",
    "A6": f"{_UPLOADS} · Uploads.accept",
    "A7": f"{_UPLOADS} · Uploads.accept",
    "A8": f"{_UPLOADS} · build.upload_avatar",
    "A9": f"{_KONG} · uploads",
    "A10": f"{_THUMBNAILS} · Thumbnailer.handle",
    "A11": f"{_THUMBNAILS} · Thumbnailer.handle",
    "A12": f"{_THUMBNAILS} · Thumbnailer.handle",
    "A13": f"{_THUMBNAILS} · Thumbnailer.handle",
    "A14": f"{_METRICS} · exposition",
    "A15": f"{_METRICS} · exposition",
    "A16": f"{_TELEMETRY} · setup_telemetry",
}
