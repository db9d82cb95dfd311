"""Juegos de datos al azar para comparar evaluadores: lo que en producción pasa de vez en cuando, aquí a menudo."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from stack.prometheus.embedded.promql import STALE

Labels = dict[str, str]
START_MS = 1_709_247_000_000
"""29 de febrero de 2024, casi a medianoche: así las funciones de fecha cruzan un día raro."""
LENGTH_MS, APART_MS = 12 * 60_000, 20 * 60_000
_BOUNDS = ("0.1", "0.5", "1.0", "5.0", "+Inf")
_ODD_BOUNDS = ("-1", "0", "0.5", "1", "1.0", "1e1", "nada", "+Inf", "")
"""Cubos que nadie debería publicar: negativos, el mismo escrito dos veces, y lo que no es un número."""


@dataclass(frozen=True)
class Dataset:
    """Un juego: ocupa un trozo de tiempo que no comparte con ningún otro."""

    start_ms: int
    series: list[tuple[Labels, list[tuple[int, float]]]]

    @property
    def end_ms(self) -> int:
        """El último instante."""
        return self.start_ms + LENGTH_MS


def datasets(random: Random, count: int) -> list[Dataset]:
    """`count` juegos: con reinicios, huecos, NaN, infinitos, negativos, y series que se van o que llegan tarde."""
    return [_dataset(random, START_MS + place * APART_MS) for place in range(count)]


def _dataset(random: Random, start_ms: int) -> Dataset:
    every = random.choice([5_000, 10_000, 15_000])
    first = start_ms + random.randrange(every)
    moments = [first + every * n for n in range(LENGTH_MS // every - 1)]
    found: list[tuple[Labels, list[tuple[int, float]]]] = []

    def add(name: str, walk: Callable[[], float], **labels: str) -> None:
        points = list(_alive(random, moments, walk))
        if points:
            found.append(({"__name__": name} | labels, points))

    for p in "abc"[: random.choice([2, 3])]:
        for k in "xyz":
            add("c_total", _counter(random), p=p, k=k)
            add("g", _gauge(random), p=p, k=k)
        add("f", lambda: float(random.choice([-1, 0, 0, 1, 2])), p=p)
        add("d", lambda: random.choice([random.uniform(-1e11, 3e11), start_ms / 1000, math.nan, 1e300]), p=p)
        add("info", lambda: 1.0, p=p, version=random.choice("12"))
        counts, total = dict.fromkeys(_BOUNDS, 0.0), [0.0]
        for bound in _BOUNDS:
            add("h_bucket", _bucket(random, counts, bound), p=p, le=bound)
        for bound in random.sample(_ODD_BOUNDS, random.randint(3, len(_ODD_BOUNDS))):
            add("w_bucket", _counter(random), p=p, **({"le": bound} if bound else {}))
        add("h_count", lambda counts=counts: counts["+Inf"], p=p)
        add("h_sum", lambda total=total: _grow(random, total), p=p)
    return Dataset(start_ms, sorted(found, key=lambda pair: sorted(pair[0].items())))


def _alive(random: Random, moments: list[int], walk: Callable[[], float]) -> Iterator[tuple[int, float]]:
    kind = random.randrange(8)
    born = random.randrange(len(moments) // 2) if kind == 0 else 0
    gone = random.randrange(len(moments) // 3, len(moments)) if kind in (1, 2) else len(moments)
    jitter = random.choice([0, 0, 300])
    for place, at_ms in enumerate(moments):
        value = walk()
        if born <= place < gone and random.random() > 0.04:
            yield at_ms + random.randint(0, jitter), value
        elif place == gone and kind == 1:
            yield at_ms, STALE


def _counter(random: Random) -> Callable[[], float]:
    now = [random.choice([0.0, 100.0])]

    def walk() -> float:
        now[0] = (
            random.choice([0.0, 1.0]) if random.random() < 0.05 else now[0] + random.choice([0, 1, 2.5, 7, 0.1])
        )
        return now[0]

    return walk


def _gauge(random: Random) -> Callable[[], float]:
    # Sin números más pequeños que los normales: con ellos el logaritmo de Go en x86 se equivoca.
    wild = random.random() < 0.4

    def walk() -> float:
        if wild and random.random() < 0.25:
            return random.choice([math.nan, math.inf, -math.inf, -0.0, 1e308, 1e-300])
        return random.choice([random.uniform(-5, 5), random.gauss(0, 1e6), 0.0, 1.0, 0.1])

    return walk


def _bucket(random: Random, counts: dict[str, float], bound: str) -> Callable[[], float]:
    def walk() -> float:
        counts[bound] += random.choice([0, 1, 2]) * (1 + _BOUNDS.index(bound))
        return counts[bound]

    return walk


def _grow(random: Random, total: list[float]) -> float:
    total[0] += random.random()
    return total[0]
