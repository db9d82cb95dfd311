"""Cabeceras HTTP: una lista que conserva orden y mayúsculas y se busca sin distinguirlas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

# Las que valen para un solo salto (RFC 9110 §7.6.1): cada tramo pone las suyas.
_ONE_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)


class Headers:
    """Una lista de pares (nombre, valor)."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items = list(items)

    @classmethod
    def from_wire(cls, items: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Las cabeceras tal como llegaron por la red."""
        return cls((name.decode("latin-1"), value.decode("latin-1")) for name, value in items)

    def to_wire(self) -> list[tuple[bytes, bytes]]:
        """Las cabeceras tal como salen por la red."""
        return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in self._items]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def get(self, name: str) -> str | None:
        """El primer valor de `name`."""
        name = name.lower()
        return next((value for key, value in self._items if key.lower() == name), None)

    def all(self, name: str) -> list[str]:
        """Todos los valores de `name`, en orden."""
        name = name.lower()
        return [value for key, value in self._items if key.lower() == name]

    def tokens(self, name: str) -> list[str]:
        """Los elementos de una cabecera que es una lista (`Connection: keep-alive, Upgrade`), en minúsculas."""
        return [token for value in self.all(name) for part in value.split(",") if (token := part.strip().lower())]

    def add(self, name: str, value: str) -> None:
        """Añade una más."""
        self._items.append((name, value))

    def set(self, name: str, value: str) -> None:
        """Deja una sola con ese nombre."""
        self.remove(name)
        self._items.append((name, value))

    def remove(self, name: str) -> None:
        """Quita todas las de ese nombre."""
        name = name.lower()
        self._items = [item for item in self._items if item[0].lower() != name]

    def as_dict(self) -> dict[str, str | list[str]]:
        """Como las escribe Kong en sus registros: nombres en minúsculas y, si hay varias, una lista."""
        grouped: dict[str, list[str]] = {}
        for name, value in self._items:
            grouped.setdefault(name.lower(), []).append(value)
        return {name: values[0] if len(values) == 1 else values for name, values in grouped.items()}

    def end_to_end(self) -> Headers:
        """Una copia sin las de un solo salto, incluidas las que `Connection` declara como tales."""
        dropped = _ONE_HOP.union(self.tokens("connection"))
        return Headers(item for item in self._items if item[0].lower() not in dropped)
