"""Las páginas de MinIO. No son `async`: el cliente bloquea, y así Starlette las corre en sus hilos."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from stack.console import content, spanish
from stack.console.fidelity import badge
from stack.console.minio import client as s3
from stack.console.minio import objects
from stack.minio.service import MINIO
from stack.web import page

Handler = Callable[[Request], Response]

# Lo que se sirve es de quien lo subió: ni se adivina su tipo, ni se ejecuta, ni sale en otra página, ni se guarda.
_UNTRUSTED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Disposition": "inline",
    "Cache-Control": "no-store",
}


def _page(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    return page(
        request,
        template,
        status=status,
        es=spanish,
        content=content,
        address=s3.address(),
        badge=badge(MINIO),
        link=_link,
        **context,
    )


def _asking_s3(handler: Handler) -> Handler:
    """Si el almacén no contesta, no nos deja o no tiene lo pedido, una página que dice qué hacer."""

    @wraps(handler)
    def guarded(request: Request) -> Response:
        try:
            return handler(request)
        except s3.StorageDown:
            return _page(request, "service_down.html", status=503, service=MINIO)
        except s3.StorageRefused as error:
            return _page(request, "minio_refused.html", status=502, code=str(error))
        except s3.NotThere:
            bucket = request.path_params.get("bucket", "")
            return _page(request, "minio_missing.html", status=404, bucket=bucket, key=_key(request))

    return guarded


@_asking_s3
def buckets(request: Request) -> Response:
    """`/minio`: los buckets, cuántos objetos tienen y cuánto ocupan."""
    with s3.connected() as client:
        return _page(request, "minio_buckets.html", buckets=s3.buckets(client))


@_asking_s3
def bucket(request: Request) -> Response:
    """`/minio/{bucket}?prefijo=…&desde=…`: lo que hay en una carpeta del bucket."""
    name = request.path_params["bucket"]
    prefix = request.query_params.get("prefijo", "")
    after = request.query_params.get("desde", "")
    with s3.connected() as client:
        versioned = s3.versioned(client, name)
        listing = objects.folder(client, name, prefix, after, versioned=versioned)
    return _page(
        request,
        "minio_bucket.html",
        bucket=name,
        prefix=prefix,
        crumbs=_crumbs(prefix),
        after=after,
        versioned=versioned,
        listing=listing,
    )


@_asking_s3
def item(request: Request) -> Response:
    """`/minio/{bucket}/objeto?key=…&version=…`: todo lo que se sabe de un objeto."""
    name, key, version = request.path_params["bucket"], _key(request), request.query_params.get("version", "")
    with s3.connected() as client:
        versions = objects.versions(client, name, key)
        found = objects.detail(client, name, key, version)
        if found is None and not versions:
            raise s3.NotThere(key)
        download = objects.download_link(client, name, key, version) if found else ""
    response = _page(
        request,
        "minio_object.html",
        bucket=name,
        key=key,
        prefix=key.rpartition("/")[0],
        crumbs=_crumbs(key),
        found=found,
        versions=versions,
        version=version,
        download=download,
        lasts=spanish.lasting(int(objects.DOWNLOAD_LASTS.total_seconds() * 1000)),
    )
    # La página lleva un enlace firmado: que no se quede en ninguna caché.
    response.headers["Cache-Control"] = "no-store"
    return response


@_asking_s3
def view(request: Request) -> Response:
    """`/minio/{bucket}/vista?key=…&version=…`: los bytes de una imagen. Cualquier otra cosa es un 415."""
    name, key = request.path_params["bucket"], _key(request)
    with s3.connected() as client:
        found = objects.image(client, name, key, request.query_params.get("version", ""))
    if found is None:
        return Response("Solo se enseñan imágenes que el navegador pinta sin ejecutar nada.", 415, _UNTRUSTED)
    kind, data = found
    return Response(data, headers=_UNTRUSTED, media_type=kind)


def _key(request: Request) -> str:
    return request.query_params.get("key", "")


def _crumbs(path: str) -> list[tuple[str, str]]:
    """`a/b/c.png` → las carpetas por las que se pasa, cada una con su prefijo: `[("a", "a/"), ("b", "a/b/")]`."""
    parts = path.split("/")[:-1]
    return [(part, "/".join(parts[: number + 1]) + "/") for number, part in enumerate(parts)]


def _link(bucket: str, page: str = "", **query: str) -> str:
    """La dirección de una página de MinIO, con todo lo que haga falta codificar ya codificado."""
    path = f"/minio/{quote(bucket, safe='')}" + (f"/{page}" if page else "")
    text = "&".join(f"{name}={quote(value, safe='/')}" for name, value in query.items() if value)
    return f"{path}?{text}" if text else path
