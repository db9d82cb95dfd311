"""Lo que ocurre después, sin que nadie espere: consumir, descargar, hacer miniaturas y apuntarlas (A10 a A13)."""

from __future__ import annotations

import io
from functools import partial

from scenarios.engine import read
from scenarios.engine.context import Run
from scenarios.engine.facts import Evidence, NotProven
from scenarios.engine.read import ObjectFact
from scenarios.engine.trace import Span
from scenarios.flujo_a import spans
from scenarios.flujo_a.client import BUCKET, GROUP, SIZES, TOPIC, TTL_S, uploaded
from scenarios.flujo_a.proofs.found import download, thumbnail
from stack.spanish import in_bytes, seconds


def a10(run: Run) -> Evidence:
    """El grupo confirmó una posición posterior al mensaje, y quien lo atendió enlaza con quien lo publicó."""
    record = run.until(lambda: read.record_of_run(run, TOPIC), "Kafka")
    committed = run.until(lambda: read.committed_past(run, GROUP, record), "Kafka")
    consumer = run.until(lambda: read.span(run, spans.PROCESS, "el consumo del mensaje en Thumbnails"), "Jaeger")
    producer = run.until(lambda: read.span(run, spans.SEND, "la publicación en Uploads"), "Jaeger")
    if producer.span_id not in consumer.links and consumer.parent_id != producer.span_id:
        raise NotProven("El span de quien consume no está enlazado con el de quien publicó.", final=True)
    return Evidence(
        "Kafka",
        f"el grupo {GROUP} va por la {committed}, pasado el mensaje {record.offset} · spans enlazados",
        {
            "grupo": GROUP,
            "partición": record.partition,
            "posición del mensaje": record.offset,
            "posición confirmada": committed,
            "span que publica": producer.span_id,
            "span que consume": consumer.span_id,
        },
    )


def a11(run: Run) -> Evidence:
    """Thumbnails descargó ese mismo objeto."""
    key = str((run.until(lambda: read.record_of_run(run, TOPIC), "Kafka").json() or {}).get("key"))
    got = run.until(lambda: _get_span(run, key), "Jaeger")
    return Evidence(
        "Jaeger",
        f"{got.service} descargó {BUCKET}/{key} · {got.status} en {seconds(got.duration_us / 1e6)}",
        {"objeto": f"{BUCKET}/{key}", "estado": got.status, "span": got.span_id},
    )


def _get_span(run: Run, key: str) -> Span:
    trace = run.trace()
    for span in trace.find(spans.GET_ORIGINAL):
        if str(span.attributes.get("url.full", "")).endswith(key) and span.status == 200:
            return span
    # El span de quien consume acaba el último: si ya está y la descarga no, es que no la hubo.
    ended = next(trace.find(spans.PROCESS), None) is not None
    raise NotProven(f"En Jaeger no está la descarga de {BUCKET}/{key} en Thumbnails.", final=ended)


def a12(run: Run) -> Evidence:
    """Las tres miniaturas están en MinIO, se abren y miden lo que deben."""
    made = {size: run.until(partial(thumbnail, run, size), "MinIO") for size in SIZES}
    sides = _expected_sides(run)
    weights = []
    for size, stored in made.items():
        kind, (width, height) = _measure(stored)
        side = sides[size]
        if (kind, width, height) != ("WEBP", side, side):
            raise NotProven(
                f"{stored.key} es {kind} de {width}×{height}; se esperaba WEBP de {side}×{side}.", final=True
            )
        weights.append(f"{width}×{height}: {in_bytes(stored.content)}")
    return Evidence(
        "MinIO",
        " · ".join(f"{sides[size]}×{sides[size]}" for size in SIZES) + " en WebP, junto a la original",
        {"miniaturas": weights, "objetos": [f"{BUCKET}/{stored.key}" for stored in made.values()]},
    )


def _expected_sides(run: Run) -> dict[int, int]:
    """Lo que debe medir cada una: nunca más que el lado corto de la foto enviada."""
    from PIL import Image

    with Image.open(io.BytesIO(uploaded(run).content)) as picture:
        return {size: min(size, *picture.size) for size in SIZES}


def _measure(stored: ObjectFact) -> tuple[str, tuple[int, int]]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(stored.content)) as picture:
            picture.load()
            return str(picture.format), picture.size
    except Exception as error:
        raise NotProven(f"{stored.key} no se puede abrir como foto.", final=True) from error


def a13(run: Run) -> Evidence:
    """Las tres direcciones están en la caché, caducan, y cada una devuelve su miniatura."""
    user = uploaded(run).user
    values, left = [], []
    for size in SIZES:
        fact = run.until(partial(read.cached, run, f"avatar:{user}:{size}", ttl_s=TTL_S), "Redis")
        stored = run.until(partial(thumbnail, run, size), "MinIO")
        content = run.until(partial(download, run, fact.value), "Kong")
        if content != stored.content:
            raise NotProven(f"La dirección de «{fact.key}» no devuelve la miniatura de {size}.", final=True)
        values.append(f"{fact.key} = {fact.value}")
        left.append(fact.ttl_s)
    return Evidence(
        "Redis",
        f"avatar:{user}:64, :128 y :256 · caducan en {min(left)} s · devuelven las miniaturas",
        {"claves": values, "TTL en segundos": [str(seconds) for seconds in left]},
    )
