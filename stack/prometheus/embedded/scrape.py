"""El bucle que pasa a leer cada objetivo, y lo que queda apuntado de cada visita."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from stack.prometheus.embedded import exposition
from stack.prometheus.embedded.config import Target
from stack.prometheus.embedded.storage import Storage

MAX_BODY = 8 * 1024 * 1024
FORGET_EVERY_S = 30.0


@dataclass(slots=True)
class Visit:
    """Cómo fue la última visita a un objetivo. `health` es `up`, `down` o `unknown`, como en la API."""

    target: Target
    health: str = "unknown"
    error: str = ""
    at_s: float = 0.0
    took_s: float = 0.0
    seen: dict[tuple[tuple[str, str], ...], dict[str, str]] = field(default_factory=dict)
    metadata: list[exposition.Metadata] = field(default_factory=list)


class ScrapeFailed(Exception):
    """La visita no salió; el mensaje dice por qué."""


class Scraper:
    """Lee cada objetivo cada `scrape_interval`. `start` y `stop` desde el bucle de asyncio."""

    def __init__(self, targets: tuple[Target, ...], storage: Storage) -> None:
        self.visits = [Visit(target) for target in targets]
        self._storage = storage
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Empieza a leer; la primera visita, enseguida."""
        self._tasks = [asyncio.create_task(self._loop(visit)) for visit in self.visits]
        self._tasks.append(asyncio.create_task(self._forget()))

    async def stop(self) -> None:
        """Deja de leer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _loop(self, visit: Visit) -> None:
        interval = visit.target.interval_s
        following = time.monotonic()
        while True:
            await self.visit(visit)
            # Si una visita tardó más que el intervalo se salta la que tocaba: nunca se acumulan.
            following = max(following + interval, time.monotonic())
            await asyncio.sleep(following - time.monotonic())

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(FORGET_EVERY_S)
            self._storage.forget_before(int(time.time() * 1000))

    async def visit(self, visit: Visit) -> None:
        """Lee el objetivo una vez y guarda lo que dice, o que no contestó."""
        target, began = visit.target, time.time()
        at_ms = int(began * 1000)
        samples: list[exposition.Sample] = []
        try:
            async with asyncio.timeout(target.timeout_s):
                kind, body = await fetch(target.url)
            if not exposition.accepts(kind):
                raise ScrapeFailed(f"contestó con Content-Type «{kind or 'ninguno'}», que Prometheus 3 no acepta")
            openmetrics = (kind or "").startswith("application/openmetrics-text")
            samples = list(exposition.parse(body, openmetrics=openmetrics))
            if target.sample_limit and len(samples) > target.sample_limit:
                raise ScrapeFailed(f"trae {len(samples)} muestras y el límite es {target.sample_limit}")
            visit.metadata = exposition.metadata(body)
            visit.health, visit.error = "up", ""
        except TimeoutError:
            visit.health, visit.error = "down", f"no contestó en {target.timeout_s:g} s"
        except (OSError, ScrapeFailed, exposition.BadExposition, asyncio.IncompleteReadError, ValueError) as error:
            visit.health, visit.error = "down", str(error) or type(error).__name__
            samples = []
        visit.at_s, visit.took_s = began, time.time() - began
        self._store(visit, samples, at_ms)

    def _store(self, visit: Visit, samples: list[exposition.Sample], at_ms: int) -> None:
        target = visit.target
        now: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        for sample in samples:
            labels = _labelled(sample.labels, target)
            now[tuple(sorted(labels.items()))] = labels
            stamp = sample.at_ms if sample.at_ms is not None and target.honor_timestamps else at_ms
            self._storage.append(labels, stamp, sample.value)
        self._storage.mark_stale((labels for key, labels in visit.seen.items() if key not in now), at_ms)
        added = sum(key not in visit.seen for key in now)
        visit.seen = now
        for name, value in (
            ("up", 1.0 if visit.health == "up" else 0.0),
            ("scrape_duration_seconds", visit.took_s),
            ("scrape_samples_scraped", float(len(samples))),
            ("scrape_samples_post_metric_relabeling", float(len(samples))),
            ("scrape_series_added", float(added)),
        ):
            self._storage.append({"__name__": name, **target.labels}, at_ms, value)


def _labelled(own: dict[str, str], target: Target) -> dict[str, str]:
    """Las etiquetas de la muestra más las del objetivo; si chocan, la de la muestra pasa a `exported_…`."""
    labels = dict(own)
    for name, value in target.labels.items():
        if labels.get(name):
            if target.honor_labels:
                continue
            labels[f"exported_{name}"] = labels[name]
        labels[name] = value
    return labels


async def fetch(url: str) -> tuple[str | None, str]:
    """`GET url` con una conexión nueva; devuelve el tipo y el cuerpo.

    Raises:
        ScrapeFailed: no contestó 200 o el cuerpo es demasiado grande. OSError: no hay conexión.
    """
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        # HTTP/1.0: el servidor cierra al acabar y no hay que entender trozos.
        writer.write(
            f"GET {path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\nUser-Agent: stacklab-prometheus\r\n"
            "Accept: text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5\r\n"
            "\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = head[0].split(" ", 2)[1]
        if status != "200":
            raise ScrapeFailed(f"contestó HTTP {status}")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
        }
        body = bytearray()
        while chunk := await reader.read(65536):
            body += chunk
            if len(body) > MAX_BODY:
                raise ScrapeFailed("la respuesta pasa de 8 MB")
        return headers.get("content-type"), body.decode("utf-8", "replace")
    finally:
        writer.close()
