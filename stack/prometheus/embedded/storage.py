"""Las series en memoria: qué se guarda, cuánto tiempo y cómo se encuentra."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stack.prometheus.embedded.promql import STALE, Matcher, Series

KEEP_MS = 60 * 60 * 1000
"""Una hora de historia: de sobra para una sesión de clase."""
MAX_SERIES = 20_000
MAX_SAMPLES = 1_000_000
"""Unos 16 MB: al llegar se olvida el cuarto más viejo de lo guardado."""

Labels = tuple[tuple[str, str], ...]


def key_of(labels: Mapping[str, str]) -> Labels:
    """Lo que identifica a una serie; una etiqueta vacía es como no tenerla."""
    return tuple(sorted((name, text) for name, text in labels.items() if text))


class _Stored:
    __slots__ = ("labels", "times", "values")

    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels
        self.times = array("q")
        self.values = array("d")


class Storage:
    """Muestras por serie, ordenadas por tiempo. No hay hilos: todo ocurre en el bucle de asyncio."""

    def __init__(
        self, keep_ms: int = KEEP_MS, max_series: int = MAX_SERIES, max_samples: int = MAX_SAMPLES
    ) -> None:
        self._keep_ms, self._max_series, self._max_samples = keep_ms, max_series, max_samples
        self.samples = self.appended = 0
        self._series: dict[Labels, _Stored] = {}
        self._by_name: dict[str, dict[Labels, _Stored]] = {}

    def reset(self) -> None:
        """Lo olvida todo."""
        self._series.clear()
        self._by_name.clear()
        self.samples = 0

    def __len__(self) -> int:
        return len(self._series)

    def append(self, labels: Mapping[str, str], at_ms: int, value: float) -> bool:
        """Añade una muestra; falso si llega antes que la última de su serie o si ya no caben más series."""
        return self.append_key(key_of(labels), at_ms, value)

    def append_key(self, key: Labels, at_ms: int, value: float) -> bool:
        """Lo mismo, para quien ya tiene la clave hecha."""
        stored = self._series.get(key)
        if stored is None:
            if len(self._series) >= self._max_series:
                return False
            stored = self._series[key] = _Stored(dict(key))
            self._by_name.setdefault(stored.labels.get("__name__", ""), {})[key] = stored
        if stored.times and stored.times[-1] >= at_ms:
            return False
        stored.times.append(at_ms)
        stored.values.append(value)
        self.samples += 1
        self.appended += 1
        if self.samples > self._max_samples:
            oldest = min(one.times[0] for one in self._series.values())
            self._cut(oldest + (at_ms - oldest) // 4 + 1, exact=True)
        return True

    def mark_stale(self, keys: Iterable[Labels], at_ms: int) -> None:
        """Apunta que esas series dejaron de venir: desde ahora no valen nada, aunque hace poco valieran."""
        for key in keys:
            if key in self._series:
                self.append_key(key, at_ms, STALE)

    def forget_before(self, now_ms: int) -> None:
        """Tira las muestras más viejas que lo que se guarda, y las series que se quedan vacías."""
        self._cut(now_ms - self._keep_ms)

    def _cut(self, limit: int, *, exact: bool = False) -> None:
        for key, stored in list(self._series.items()):
            cut = bisect_left(stored.times, limit)
            if cut == len(stored.times):
                self.samples -= cut
                del self._series[key]
                named = self._by_name[stored.labels.get("__name__", "")]
                del named[key]
                if not named:
                    del self._by_name[stored.labels.get("__name__", "")]
            elif cut and (exact or cut > 256 or cut * 2 > len(stored.times)):
                self.samples -= cut
                del stored.times[:cut]
                del stored.values[:cut]

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Iterator[Series]:
        """Las series que cumplen todos los `matchers`, con sus muestras entre los dos instantes (incluidos)."""
        for stored in self._candidates(matchers):
            if all(matcher.matches(stored.labels.get(matcher.name, "")) for matcher in matchers):
                first, last = bisect_left(stored.times, start_ms), bisect_right(stored.times, end_ms)
                if first < last:
                    yield Series(dict(stored.labels), stored.times[first:last], stored.values[first:last])

    def labels(self, matchers: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[dict[str, str]]:
        """Los juegos de etiquetas con muestras en el intervalo, de cualquiera de los selectores (o de todos)."""
        found: dict[Labels, dict[str, str]] = {}
        for one in matchers or [()]:
            for series in self.select(one, start_ms, end_ms):
                found[tuple(sorted(series.labels.items()))] = series.labels
        return [found[key] for key in sorted(found)]

    def counts(self) -> dict[str, int]:
        """Cuántas series tiene cada métrica."""
        return {name: len(many) for name, many in self._by_name.items()}

    def _candidates(self, matchers: Sequence[Matcher]) -> list[_Stored]:
        for matcher in matchers:
            if matcher.name == "__name__" and matcher.op == "=":
                return list(self._by_name.get(matcher.value, {}).values())
        return list(self._series.values())
