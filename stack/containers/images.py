"""Qué imágenes oficiales se usan: lo que dice `images.toml`, con su etiqueta, su huella y sus espejos."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from stack.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Image:
    """Una imagen oficial. `images.toml` dice qué significa cada campo; `key` es el nombre de su tabla.

    `digest` está vacío si no se conoce: entonces no se puede saber si lo que se baja es siempre lo mismo.
    """

    key: str
    name: str
    tag: str
    digest: str
    checked: str
    mirrors: tuple[str, ...]
    platforms: tuple[str, ...]
    size_mb: int
    memory_mb: int

    @property
    def reference(self) -> str:
        """`apache/kafka:4.3.1`: como la llama una persona."""
        return f"{self.name}:{self.tag}"

    @property
    def pinned(self) -> str:
        """`apache/kafka:4.3.1@sha256:…`: exactamente esos bytes; sin huella conocida, lo mismo que `reference`."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference

    @property
    def by_digest(self) -> str:
        """`apache/kafka@sha256:…`, como la entiende la API del motor; sin huella conocida, `reference`."""
        return f"{self.name}@{self.digest}" if self.digest else self.reference

    def references(self) -> tuple[str, ...]:
        """De dónde se puede bajar, en orden: primero la fijada y después sus espejos, con la misma huella."""
        return (self.pinned, *(f"{mirror}@{self.digest}" if self.digest else mirror for mirror in self.mirrors))


@cache
def load() -> Mapping[str, Image]:
    """Todas las imágenes, por su clave.

    Raises:
        ConfigError: `images.toml` tiene un error nuestro.
    """
    document = tomllib.loads(files("stack.containers").joinpath("images.toml").read_text("utf-8"))
    return MappingProxyType({key: _image(key, table) for key, table in document.items()})


def _image(key: str, table: dict[str, Any]) -> Image:
    try:
        return Image(
            key=key,
            name=table.pop("name"),
            tag=table.pop("tag"),
            digest=table.pop("digest", ""),
            checked=table.pop("checked"),
            mirrors=tuple(table.pop("mirrors")),
            platforms=tuple(table.pop("platforms")),
            size_mb=table.pop("size_mb"),
            memory_mb=table.pop("memory_mb"),
            **table,
        )
    except (KeyError, TypeError) as error:
        raise ConfigError(f"la imagen «{key}» de images.toml está mal descrita: {error}") from error
