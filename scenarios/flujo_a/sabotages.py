"""Cómo se estropea cada paso del flujo A, de verdad y solo ese paso."""

from __future__ import annotations

import io

from scenarios.engine.context import Run
from scenarios.engine.faults import with_config, with_env
from scenarios.engine.flow import after, before
from scenarios.engine.sabotage import BadClient, DropCall, Misconfigure, Sabotage, StallCall, Tamper, Undo
from scenarios.flujo_a import client, spans
from scenarios.flujo_a.client import BUCKET
from scenarios.flujo_a.proofs.found import original, thumbnail
from stack.model import Service


def _without_rate_limit(run: Run, service: Service) -> Service:
    """Kong sin el plugin que cuenta las llamadas."""

    def edit(text: str) -> str:
        import yaml

        return str(yaml.safe_dump(_drop_plugin(yaml.safe_load(text), "rate-limiting"), allow_unicode=True))

    return with_config(run, service, "kong.yaml", edit)


def _drop_plugin(node: object, name: str) -> object:
    if isinstance(node, dict):
        return {key: _drop_plugin(value, name) for key, value in node.items()}
    if isinstance(node, list):
        return [
            _drop_plugin(item, name) for item in node if not (isinstance(item, dict) and item.get("name") == name)
        ]
    return node


def _wrong_upstream(run: Run, service: Service) -> Service:
    """Kong buscando a Uploads donde no hay nadie."""
    return with_config(
        run,
        service,
        "kong.yaml",
        lambda text: text.replace("${UPLOADS_HTTP_PORT}", "9").replace("${UPLOADS_HTTP_ADDRESS}", "127.0.0.1:9")
        .replace("${UPLOADS_HTTP_URL}", "http://127.0.0.1:9"),
    )  # fmt: skip


def _wrong_topic(run: Run, service: Service) -> Service:
    """Uploads con una errata en el nombre del topic."""
    return with_env(service, {"AVATAR_TOPIC": "avatar_subida"})


def _wrong_target(name: str) -> Misconfigure:
    rule = {
        "source_labels": ["__meta_consul_service"],
        "regex": name,
        "target_label": "__address__",
        "replacement": "127.0.0.1:9",
    }

    def edit(text: str) -> str:
        import yaml

        document = yaml.safe_load(text)
        for job in document["scrape_configs"]:
            if "consul_sd_configs" in job:
                job["relabel_configs"].append(rule)
        return str(yaml.safe_dump(document, sort_keys=False))

    def change(run: Run, service: Service) -> Service:
        return with_config(run, service, "prometheus.yml", edit)

    return Misconfigure(f"Prometheus busca a {name} en un puerto donde no hay nadie", "prometheus", change)


def _add_a_byte(run: Run) -> Undo:
    """Añade un byte a la foto guardada (se sigue pudiendo abrir) y, al deshacer, la deja como se mandó."""
    stored = original(run)
    _put(run, stored.key, stored.content + b"!", stored.content_type)
    return lambda: _put(run, stored.key, stored.content, stored.content_type)


def _shrink_thumbnail(run: Run) -> Undo:
    """Cambia la miniatura de 128 por otra de 100."""
    from PIL import Image

    stored = thumbnail(run, 128)
    output = io.BytesIO()
    with Image.open(io.BytesIO(stored.content)) as picture:
        picture.resize((100, 100)).save(output, "WEBP")
    _put(run, stored.key, output.getvalue(), stored.content_type)
    return lambda: _put(run, stored.key, stored.content, stored.content_type)


def _put(run: Run, key: str, content: bytes, content_type: str) -> None:
    run.clients.minio.put_object(
        bucket_name=BUCKET,
        object_name=key,
        data=io.BytesIO(content),
        length=len(content),
        content_type=content_type,
    )


def _make_permanent(run: Run) -> Undo:
    """Quita la caducidad a la dirección de la foto."""
    key = f"avatar:{client.uploaded(run).user}"
    run.clients.redis.persist(key)
    return lambda: _expire(run, key)


def _swap_addresses(run: Run) -> Undo:
    """Cruza dos direcciones: la clave de la miniatura de 64 apunta a la de 256."""
    user = client.uploaded(run).user
    small, large = f"avatar:{user}:64", f"avatar:{user}:256"
    right, wrong = run.clients.redis.get(small), run.clients.redis.get(large)
    run.clients.redis.set(small, str(wrong), keepttl=True)
    return lambda: _set(run, small, str(right))


def _expire(run: Run, key: str) -> None:
    run.clients.redis.expire(key, 3600)


def _set(run: Run, key: str, value: str) -> None:
    run.clients.redis.set(key, value, keepttl=True)


SABOTAGES: dict[str, Sabotage] = {
    "A1": BadClient("El token va firmado con otro secreto", client.FORGED_TOKEN),
    "A2": Misconfigure("Kong corre sin el plugin que cuenta las llamadas", "kong", _without_rate_limit),
    "A3": Misconfigure("Kong busca a Uploads en un puerto donde no hay nadie", "kong", _wrong_upstream),
    "A4": Tamper("Alguien añade un byte a la foto guardada", after(spans.PUT_ORIGINAL), _add_a_byte),
    "A5": DropCall("La confirmación de MinIO se pierde por el camino", after(spans.PUT_ORIGINAL)),
    "A6": Misconfigure("Uploads publica en un topic mal escrito", "uploads", _wrong_topic),
    "A7": Tamper("Alguien quita la caducidad a la dirección", after(spans.CACHE_URL), _make_permanent),
    "A8": DropCall("Uploads se rompe justo antes de contestar", after(spans.CACHE_URL), crash=True),
    "A9": BadClient("La respuesta se pierde entre Kong y el cliente", client.LOST_REPLY),
    "A10": StallCall("Thumbnails se queda parado con el mensaje en la mano", before(spans.PROCESS)),
    "A11": DropCall("La descarga de la foto se corta cada vez que se intenta", before(spans.GET_ORIGINAL)),
    "A12": Tamper(
        "Alguien cambia la miniatura de 128 por otra de 100", before(spans.CACHE_URLS), _shrink_thumbnail
    ),
    "A13": Tamper("Alguien cruza dos direcciones en la caché", after(spans.CACHE_URLS), _swap_addresses),
    "A14": _wrong_target("uploads"),
    "A15": _wrong_target("thumbnails"),
    "A16": BadClient("El cliente no cuenta su parte: la traza se queda sin raíz", client.SILENT),
}
