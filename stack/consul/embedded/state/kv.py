"""Las claves y sus valores, con los cerrojos que tenga puestos cada sesión.

Sigue https://developer.hashicorp.com/consul/api-docs/kv. `index` es siempre el de la escritura en curso.
"""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

TOMBSTONE_S = 15 * 60.0


@dataclass(frozen=True, slots=True)
class Entry:
    """Una clave. `session` vacía: nadie tiene su cerrojo; `lock_index` cuenta las veces que se ha tomado."""

    key: str
    value: bytes
    flags: int
    created: int
    modified: int
    lock_index: int = 0
    session: str = ""


class KeyValues:
    """Las claves, en orden. De las borradas se recuerda un rato cuándo, para que los índices no retrocedan."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._order: list[str] = []
        self._tombstones: dict[str, tuple[int, float]] = {}
        self._delays: dict[str, float] = {}
        self._table = 0

    # --- Leer

    def get(self, key: str) -> tuple[int, Entry | None]:
        """La clave con su índice; si no está, el índice de la tabla."""
        entry = self._entries.get(key)
        return (entry.modified, entry) if entry else (self._table, None)

    def under(self, prefix: str) -> tuple[int, list[Entry]]:
        """Las que empiezan por `prefix`, en orden, y el índice del último cambio entre ellas (o de la tabla)."""
        found = [self._entries[key] for key in self._keys(prefix)]
        if not prefix:
            return self._table, found
        buried = (index for key, (index, _) in self._tombstones.items() if key.startswith(prefix))
        last = max((*(entry.modified for entry in found), *buried), default=0)
        return last or self._table, found

    def held_by(self, session: str) -> list[str]:
        """Las claves cuyo cerrojo tiene `session`."""
        return [key for key in self._order if self._entries[key].session == session]

    def __len__(self) -> int:
        return len(self._entries)

    # --- Escribir

    def put(self, index: int, key: str, value: bytes, flags: int) -> None:
        """Escribe sin condiciones. El cerrojo, si lo hay, sigue puesto (aunque Consul pone su cuenta a cero)."""
        held = self._entries.get(key)
        self._store(index, key, value, flags, held.session if held else "", 0)

    def put_if(self, index: int, key: str, value: bytes, flags: int, expected: int) -> bool:
        """Escribe si su índice es `expected` (0: si no existe) y dice si lo hizo."""
        held = self._entries.get(key)
        if (held.modified if held else 0) != expected:
            return False
        self.put(index, key, value, flags)
        return True

    def lock(self, index: int, key: str, value: bytes, flags: int, session: str) -> bool:
        """Escribe y deja el cerrojo en manos de `session`, si no lo tiene otra."""
        held = self._entries.get(key)
        if held and held.session and held.session != session:
            return False
        times = held.lock_index if held else 0
        self._store(index, key, value, flags, session, times + (not (held and held.session)))
        return True

    def delayed(self, key: str) -> bool:
        """Si su cerrojo lo perdió hace poco quien lo tenía y aún no se puede volver a tomar (lock-delay)."""
        until = self._delays.get(key)
        if until is not None and until <= self._clock():
            del self._delays[key]
            until = None
        return until is not None

    def unlock(self, index: int, key: str, value: bytes, flags: int, session: str) -> bool:
        """Escribe y suelta el cerrojo, si lo tiene `session`."""
        held = self._entries.get(key)
        if held is None or held.session != session:
            return False
        self._store(index, key, value, flags, "", held.lock_index)
        return True

    def delete(self, index: int, key: str) -> None:
        """Borra una clave; si no está no pasa nada."""
        if key in self._entries:
            self._bury(key, index)
            self._remove(key)
            self._table = index

    def delete_if(self, index: int, key: str, expected: int) -> bool:
        """Borra si su índice es `expected`; dice si ya no está."""
        held = self._entries.get(key)
        if held is None:
            return True
        if held.modified != expected:
            return False
        self.delete(index, key)
        return True

    def delete_tree(self, index: int, prefix: str) -> None:
        """Borra todas las que empiezan por `prefix`."""
        keys = list(self._keys(prefix))
        for key in keys:
            self._remove(key)
        if keys:
            if prefix:
                self._bury(prefix, index)
            self._table = index

    def abandon(self, index: int, session: str, *, delete: bool, delay_s: float) -> None:
        """Lo que pasa con los cerrojos de una sesión que se acaba: se sueltan, o se borran sus claves."""
        for key in self.held_by(session):
            if delete:
                self.delete(index, key)
            else:
                self._entries[key] = replace(self._entries[key], session="", modified=index)
                self._table = index
            if delay_s > 0:
                self._delays[key] = self._clock() + delay_s

    def _store(self, index: int, key: str, value: bytes, flags: int, session: str, lock_index: int) -> None:
        old = self._entries.get(key)
        new = Entry(key, value, flags, old.created if old else index, index, lock_index, session)
        if old and replace(old, modified=index) == new:
            return
        if old is None:
            insort(self._order, key)
        self._entries[key] = new
        self._table = index

    def _keys(self, prefix: str) -> Iterator[str]:
        for place in range(bisect_left(self._order, prefix), len(self._order)):
            if not self._order[place].startswith(prefix):
                return
            yield self._order[place]

    def _remove(self, key: str) -> None:
        del self._entries[key]
        del self._order[bisect_left(self._order, key)]

    def _bury(self, key: str, index: int) -> None:
        now = self._clock()
        self._tombstones.pop(key, None)
        self._tombstones[key] = (index, now)
        # Están por orden de entierro: solo hay que mirar las primeras.
        while now - next(iter(self._tombstones.values()))[1] > TOMBSTONE_S:
            del self._tombstones[next(iter(self._tombstones))]
