"""Leer el log de un contenedor línea a línea."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import APIClient


def stream(client: APIClient, identity: str, *, follow: bool, tail: int | None) -> Iterator[str]:
    """Las líneas de `identity` sin el salto final; con `follow`, hasta que el contenedor acabe."""
    chunks = client.logs(
        identity, stdout=True, stderr=True, stream=True, follow=follow, tail="all" if tail is None else tail
    )
    pending = b""
    for chunk in chunks:
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
    if pending:
        yield pending.decode("utf-8", "replace")
