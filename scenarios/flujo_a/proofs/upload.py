"""Lo que deja la subida: el objeto, su confirmación, el mensaje y la dirección en la caché (A4 a A7)."""

from __future__ import annotations

import hashlib

from scenarios.engine import read
from scenarios.engine.context import Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.proofs import event_is_ours, in_kafka
from scenarios.engine.read import RecordFact
from scenarios.engine.trace import Span
from scenarios.flujo_a import spans
from scenarios.flujo_a.client import TOPIC, TTL_S, uploaded
from scenarios.flujo_a.proofs.found import download, original
from stack.spanish import in_bytes


def a4(run: Run) -> Evidence:
    """El objeto guardado es, byte por byte, la foto que se mandó."""
    stored = run.until(lambda: original(run), "MinIO")
    upload = uploaded(run)
    if stored.sha256 != upload.sha256:
        raise NotProven(
            f"MinIO guarda {stored.bucket}/{stored.key} con otro contenido: {in_bytes(stored.content)}, "
            f"sha256 {stored.sha256[:8]}…, y se mandaron {in_bytes(upload.content)}, sha256 {upload.sha256[:8]}…",
            final=True,
        )
    if not stored.content_type.startswith("image/"):
        raise NotProven(f"MinIO guarda la foto con el tipo «{stored.content_type}».", final=True)
    return Evidence(
        "MinIO",
        f"{stored.bucket}/{stored.key} · {in_bytes(stored.content)} · sha256 {stored.sha256[:8]}… = lo enviado",
        {
            "objeto": f"{stored.bucket}/{stored.key}",
            "bytes": len(stored.content),
            "sha256 guardado": stored.sha256,
            "sha256 enviado": upload.sha256,
            "tipo": stored.content_type,
            "ETag": stored.etag,
        },
    )


def a5(run: Run) -> Evidence:
    """Lo que MinIO contestó a Uploads es lo que MinIO guarda."""
    stored = run.until(lambda: original(run), "MinIO")
    put = run.until(lambda: read.span(run, spans.PUT_ORIGINAL, "la subida a MinIO con su respuesta"), "Jaeger")
    confirmed = _header(put, "etag")
    if confirmed != stored.etag:
        raise NotProven(f"MinIO contestó el ETag {confirmed} y lo que guarda tiene {stored.etag}.", final=True)
    return Evidence(
        "MinIO",
        f"contestó {put.status} y ETag {confirmed[:8]}… = el del objeto guardado",
        {
            "estado": put.status,
            "ETag contestado (span)": confirmed,
            "ETag guardado (MinIO)": stored.etag,
            "versión": stored.version or "el bucket no guarda versiones",
            "span": put.span_id,
        },
    )


def _header(span: Span, name: str) -> str:
    """Una cabecera de la respuesta apuntada en el span (OpenTelemetry las guarda como lista)."""
    return str(span.attributes.get(f"http.response.header.{name}", "")).strip("[]\"'\\ ")


def a6(run: Run) -> Evidence:
    """El mensaje está en su partición, con la clave del usuario, el suceso y la traza de esta ejecución."""
    record = run.until(lambda: published(run), "Kafka")
    upload, event = uploaded(run), record.json() or {}
    fields = {"event": TOPIC, "user": upload.user, "sha256": upload.sha256, "bytes": len(upload.content)}
    event_is_ours(run, record, upload.user, fields)
    return in_kafka(
        run, record, {"suceso": str(event.get("event")), "foto": f"{event.get('bucket')}/{event.get('key')}"}
    )


def published(run: Run) -> RecordFact:
    """El mensaje de esta ejecución. Se publica antes de contestar: si ya hay respuesta y no está, no estará."""
    answered = run.answered
    return read.record_of_run(run, TOPIC, final=answered is not None and answered.ok)


def a7(run: Run) -> Evidence:
    """La dirección está en la caché, caduca, y lleva a la foto."""
    upload = uploaded(run)
    fact = run.until(lambda: read.cached(run, f"avatar:{upload.user}", ttl_s=TTL_S), "Redis")
    content = run.until(lambda: download(run, fact.value), "Kong")
    if hashlib.sha256(content).hexdigest() != upload.sha256:
        raise NotProven(
            f"La dirección de «{fact.key}» devuelve {in_bytes(content)} que no son la foto.", final=True
        )
    return Evidence(
        "Redis",
        f"{fact.key} · caduca en {fact.ttl_s} s · la dirección devuelve la foto",
        {"clave": fact.key, "valor": fact.value, "TTL en segundos": fact.ttl_s, "bytes descargados": len(content)},
    )
