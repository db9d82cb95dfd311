"""A quién se lee y cuándo: un bucle por objetivo, y otro por cada sitio donde se descubren."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from stack.prometheus.embedded.fetching import ScrapeFailed
from stack.prometheus.embedded.scrape import Visit, leave, visit
from stack.prometheus.embedded.storage import Storage
from stack.prometheus.embedded.targets import Discovery, Dropped, Job, Target

FORGET_EVERY_S = 30.0

Found = Sequence[Mapping[str, str]]


class Scraper:
    """Lee cada objetivo cada `scrape_interval`. Todo, desde el bucle de asyncio."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._jobs: list[Job] = []
        self._found: dict[tuple[str, int], Found] = {}
        self._visits: list[tuple[Visit, asyncio.Task[None]]] = []
        self._others: list[asyncio.Task[None]] = []
        self.dropped: list[Dropped] = []

    @property
    def visits(self) -> list[Visit]:
        """La última visita a cada objetivo, por orden de trabajo."""
        return [one for one, _ in self._visits]

    def start(self, jobs: Sequence[Job]) -> None:
        """Empieza a leer esos trabajos (la primera visita, enseguida) y deja los que había si ya no están."""
        for task in self._others:
            task.cancel()
        self._jobs, self._found = list(jobs), {}
        self._others = [asyncio.create_task(self._forget())]
        for job in jobs:
            for place, discovery in enumerate(job.discoveries):
                self._others.append(asyncio.create_task(self._discover(job, place, discovery)))
        self._sync()

    async def stop(self) -> None:
        """Deja de leer."""
        tasks = [*self._others, *(task for _, task in self._visits)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one, _ in self._visits:
            one.line.close()

    def _sync(self) -> None:
        targets: list[Target] = []
        self.dropped = []
        for job in self._jobs:
            found = [*job.static]
            for place in range(len(job.discoveries)):
                found += self._found.get((job.name, place), ())
            kept, dropped = job.targets(found)
            targets += kept
            self.dropped += dropped
        now, before = int(time.time() * 1000), list(self._visits)
        self._visits = []
        for target in targets:
            known = next((pair for pair in before if pair[0].target == target), None)
            if known is not None:
                before.remove(known)
            self._visits.append(known or self._begin(Visit(target)))
        for old, task in before:
            task.cancel()
            old.line.close()
            self._retire(old, now)

    def _retire(self, old: Visit, now_ms: int) -> None:
        """Lo que pasa con las series de un objetivo al que ya no se visita.

        Como en Prometheus: si su trabajo solo cambió de configuración, quien lo visita ahora sigue donde se quedó;
        si el trabajo sigue y el objetivo no, dejan de valer; y si se borró el trabajo entero nadie las marca, y
        valen lo que dura la memoria de un selector.
        """
        target = old.target
        for one, _ in self._visits:
            same = one.target.url == target.url and one.target.labels == target.labels
            if same and one.target.job.name == target.job.name:
                one.seen, one.brought = old.seen, None
                return
        if any(job.name == target.job.name for job in self._jobs):
            leave(old, self._storage, now_ms)

    def _begin(self, one: Visit) -> tuple[Visit, asyncio.Task[None]]:
        return one, asyncio.create_task(_every(one.target.job.interval_s, lambda: visit(one, self._storage)))

    async def _discover(self, job: Job, place: int, discovery: Discovery) -> None:
        said = ""
        while True:
            try:
                async with asyncio.timeout(10):
                    found = await discovery.find()
                said = ""
                if found != self._found.get((job.name, place)):
                    self._found[job.name, place] = found
                    self._sync()
            except (OSError, TimeoutError, ValueError, KeyError, ScrapeFailed) as error:
                # Como Prometheus: si calla se sigue con lo último que dijo.
                problem = f"{discovery.name} no contesta lo esperado: {str(error) or type(error).__name__}"
                if problem != said:
                    said = problem
                    print(problem, file=sys.stderr, flush=True)
            await asyncio.sleep(discovery.refresh_s)

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(FORGET_EVERY_S)
            self._storage.forget_before(int(time.time() * 1000))


async def _every(interval_s: float, action: Callable[[], Awaitable[None]]) -> None:
    """Hace `action` cada `interval_s`; si una vez tarda más, se salta la que tocaba: nunca se acumulan."""
    following = time.monotonic()
    while True:
        await action()
        following = max(following + interval_s, time.monotonic())
        await asyncio.sleep(following - time.monotonic())
