"""Quien sube la foto: hace de aplicación web, con su token y su fichero."""

from __future__ import annotations

import hashlib
import io
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scenarios.engine.answer import Answer
from scenarios.engine.client import call
from scenarios.engine.context import Run
from scenarios.engine.read import let_catch_up, metric_of
from stack.errors import StacklabError
from stack.spanish import in_bytes

PATH = "/api/upload/avatar"
BUCKET, TOPIC, GROUP = "avatares", "avatar_subido", "thumbnails"
TTL_S = 3600
_SETTLE_WITHIN_S = 4.0
_READABLE_BYTES = 256 * 1024 * 1024
SIZES = (64, 128, 256)
CONSUMER_KEY, TRIAL_KEY = "app-web", "app-pruebas"
"""El `iss` del token: con él sabe Kong de qué aplicación es. La segunda tiene un límite de pocas llamadas."""

FORGED_TOKEN, LOST_REPLY, SILENT = "forged-token", "lost-reply", "silent"
"""Lo que puede hacer mal el cliente: firmar con otro secreto, no recibir la respuesta o no contar su parte."""

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class Upload:
    """Lo que se va a subir y cómo estaban los contadores justo antes (`None`, si no se pudieron leer).

    `counted_at` es cuándo se leyeron, en segundos desde 1970.
    """

    user: str
    filename: str
    content: bytes
    content_type: str
    uploads_before: float | None
    thumbnails_before: dict[int, float] | None
    counted_at: float

    @property
    def sha256(self) -> str:
        """El resumen de los bytes que se mandan, en hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def prepare(run: Run) -> Upload:
    """Elige la foto y apunta cómo están los contadores.

    Raises:
        StacklabError: el fichero de la persona no se puede leer.
    """
    file = run.inputs.get("file")
    if file is None:
        filename, content = "avatar.png", draw(run.id)
    else:
        path = Path(file)
        filename, content = path.name, _read(path)
    uploads: float | None = None
    thumbnails: dict[int, float] | None = None
    with suppress(Exception):  # si un microservicio está caído, ya lo dirá el paso que lo necesite
        url = run.env["THUMBNAILS_URL"]
        metric_of(run, url, "thumbnails_total", {})  # si no contesta, no hay a quién esperar
        let_catch_up(run, "Thumbnails", GROUP, TOPIC, _SETTLE_WITHIN_S)
        thumbnails = {size: metric_of(run, url, "thumbnails_total", {"size": str(size)}) for size in SIZES}
    counted_at = time.time()
    with suppress(Exception):
        uploads = metric_of(run, run.env["UPLOADS_URL"], "avatar_uploads_total", {"result": "ok"})
    kind = _TYPES.get(Path(filename).suffix.lower(), "application/octet-stream")
    return Upload(f"ana-{run.id}", filename, content, kind, uploads, thumbnails, counted_at)


def summary(run: Run) -> str:
    """Qué se va a mandar, en una línea."""
    upload = uploaded(run)
    who = "tu foto" if run.inputs.get("file") is not None else "una foto dibujada para esta ejecución"
    return f"{who}: {upload.filename}, {in_bytes(upload.content)}"


def uploaded(run: Run) -> Upload:
    """Lo que se sube en `run`."""
    assert isinstance(run.plan, Upload)
    return run.plan


def token(run: Run, *, secret: str | None = None, lifetime_s: int = 300, issuer: str = CONSUMER_KEY) -> str:
    """Un JWT para quien sube la foto; con `secret` o `lifetime_s` se hacen tokens malos a propósito."""
    import jwt

    now = int(time.time())
    claims = {"iss": issuer, "sub": uploaded(run).user, "iat": now - 600, "exp": now + lifetime_s}
    return jwt.encode(claims, secret or run.credentials["JWT_SECRET"], algorithm="HS256")


def drive(run: Run) -> Answer:
    """Sube la foto a través de Kong y devuelve lo que contestó."""
    from urllib3.filepost import encode_multipart_formdata

    upload = uploaded(run)
    body, content_type = encode_multipart_formdata(
        {"file": (upload.filename, upload.content, upload.content_type)}
    )
    forged = "un secreto que no es el de Kong, largo como debe ser" if run.fault == FORGED_TOKEN else None
    return call(
        run,
        "POST",
        run.env["KONG_PROXY_URL"],
        PATH,
        body=body,
        headers={"Authorization": f"Bearer {token(run, secret=forged)}", "Content-Type": content_type},
        whom="Kong",
        lost_reply=run.fault == LOST_REPLY,
        silent=run.fault == SILENT,
    )


def draw(run_id: str, side: int = 512) -> bytes:
    """Un avatar PNG distinto en cada ejecución, con `run_id` escrito en él."""
    from PIL import Image, ImageDraw, ImageFont

    dice = random.Random(run_id)
    hue = dice.randrange(256)
    fade = Image.linear_gradient("L").resize((side, side))
    background = Image.merge(
        "HSV",
        (Image.new("L", (side, side), hue), Image.new("L", (side, side), 110), fade.point(lambda v: 255 - v // 3)),
    ).convert("RGB")
    pen = ImageDraw.Draw(background)
    skin = (255, 236, 214)
    pen.ellipse((side * 0.31, side * 0.18, side * 0.69, side * 0.58), fill=skin)
    pen.ellipse((side * 0.18, side * 0.60, side * 0.82, side * 1.25), fill=skin)
    for _ in range(40):
        x, y, size = dice.randrange(side), dice.randrange(side), dice.randrange(2, 7)
        pen.ellipse((x, y, x + size, y + size), fill=(255, 255, 255))
    pen.text(
        (side / 2, side * 0.86), run_id, fill=(40, 40, 60), anchor="mm", font=ImageFont.load_default(side // 10)
    )
    output = io.BytesIO()
    background.save(output, "PNG", compress_level=1)
    return output.getvalue()


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _READABLE_BYTES:
            raise _unreadable(path, "pesa demasiado para ser una foto")
        return path.read_bytes()
    except OSError as error:
        reasons = {
            FileNotFoundError: "no existe",
            IsADirectoryError: "es una carpeta",
            PermissionError: "no hay permiso para leerlo",
        }
        raise _unreadable(path, reasons.get(type(error), str(error.strerror or error))) from error


def _unreadable(path: Path, reason: str) -> StacklabError:
    return StacklabError(
        f"no se puede leer {path}: {reason}",
        "Sin la foto no hay nada que subir. Sin --file se sube una dibujada para la ocasión.",
        "stacklab run flujo-a",
    )
