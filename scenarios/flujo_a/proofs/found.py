"""Lo que comparten las pruebas: encontrar la foto y sus miniaturas, descargar, escribir cantidades."""

from __future__ import annotations

from scenarios.engine import read
from scenarios.engine.context import Run
from scenarios.engine.facts import NotProven
from scenarios.engine.read import ObjectFact
from scenarios.flujo_a.client import BUCKET, SIZES, uploaded


def original(run: Run) -> ObjectFact:
    """La foto original de esta ejecución: el único objeto del usuario que no es una miniatura."""
    prefix = f"{uploaded(run).user}/"
    found = run.clients.minio.list_objects(bucket_name=BUCKET, prefix=prefix, recursive=True)
    keys = [str(item.object_name) for item in found]
    originals = [key for key in keys if not any(key.endswith(f"-{size}.webp") for size in SIZES)]
    if not originals:
        raise NotProven(f"En MinIO no hay ninguna foto en {BUCKET}/{prefix}")
    if len(originals) > 1:
        raise NotProven(f"En {BUCKET}/{prefix} hay {len(originals)} fotos y se esperaba una.", final=True)
    return read.stored_object(run, BUCKET, originals[0])


def thumbnail(run: Run, size: int) -> ObjectFact:
    """La miniatura de `size` de la foto de esta ejecución."""
    key = original(run).key
    return read.stored_object(run, BUCKET, f"{key.rpartition('.')[0]}-{size}.webp")


def download(run: Run, url: str) -> bytes:
    """Los bytes que devuelve `url`, pedidos como lo haría un navegador."""
    if not url.startswith("http"):
        raise NotProven(f"«{url}» no es una dirección.", final=True)
    answer = read.ask(run, "GET", url, headers=read.untraced(run))
    if not answer.ok:
        raise NotProven(f"{url} contestó {answer}.")
    return answer.body
