"""Una visita a un objetivo: leer lo que publica, ponerle sus etiquetas, guardarlo y apuntar cómo fue."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from stack.prometheus.embedded import exposition, relabel
from stack.prometheus.embedded.fetching import Line, ScrapeFailed
from stack.prometheus.embedded.storage import Labels, Storage, key_of
from stack.prometheus.embedded.targets import Target

REPORT = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
"""Las series que Prometheus añade por su cuenta a cada visita, salga bien o mal."""


class TooManySamples(ScrapeFailed):
    """Trae más de las que admite `sample_limit`: no se guarda ninguna."""

    def __init__(self, total: int, kept: int, limit: int) -> None:
        super().__init__(f"trae más muestras que el límite, que es {limit}")
        self.total, self.kept = total, kept


@dataclass(slots=True)
class Visit:
    """Cómo fue la última visita a un objetivo. `health` es `up`, `down` o `unknown`, como en la API.

    `seen` son las series que trajo, y `brought` los comienzos de línea en que venían (`None`: hay que volver a
    compararlos). `known` es lo ya averiguado de cada comienzo: casi todos se repiten de una visita a la
    siguiente y no hay que volver a entenderlos. `line` es la conexión con el objetivo.
    """

    target: Target
    health: str = "unknown"
    error: str = ""
    at_s: float = 0.0
    took_s: float = 0.0
    seen: set[Labels] = field(default_factory=set)
    brought: list[str] | None = None
    known: dict[str, Labels | None] = field(default_factory=dict)
    metadata: list[exposition.Metadata] = field(default_factory=list)
    about: str = ""
    line: Line = field(init=False)

    def __post_init__(self) -> None:
        self.line = Line(self.target.url)


async def visit(one: Visit, storage: Storage) -> None:
    """Lee el objetivo una vez y guarda lo que dice, o que no contestó."""
    job, began = one.target.job, time.time()
    lines: list[exposition.Line] = []
    refused = 0, 0
    try:
        async with asyncio.timeout(job.timeout_s):
            headers, body = await one.line.get()
        kind = headers.get("content-type")
        known = exposition.media_type(kind) or job.fallback
        if not known:
            raise ScrapeFailed(f"contestó con Content-Type «{kind or 'ninguno'}», que Prometheus 3 no acepta")
        lines = list(exposition.lines(body, openmetrics=known == exposition.OPENMETRICS))
        _understand(one, lines)
        about = exposition.about(body)
        if about != one.about:
            one.about, one.metadata = about, exposition.metadata(about)
        one.health, one.error = "up", ""
    except TooManySamples as error:
        refused = error.total, error.kept
        one.health, one.error, lines = "down", str(error), []
    except TimeoutError:
        one.health, one.error, lines = "down", f"no contestó en {job.timeout_s:g} s", []
    except (OSError, ScrapeFailed, ValueError) as error:
        one.health, one.error, lines = "down", _why(error), []
    one.at_s, one.took_s = began, time.time() - began
    store(one, lines, storage, int(began * 1000), refused)


def store(
    one: Visit, lines: list[exposition.Line], storage: Storage, at_ms: int, refused: tuple[int, int] = (0, 0)
) -> None:
    """Guarda las líneas ya entendidas, marca lo que ha dejado de venir y añade `up` y sus compañeras.

    `refused` son las muestras que trajo, y las que quedaban tras `metric_relabel_configs`, si no se guarda nada.
    """
    honor, kept = one.target.job.honor_timestamps, 0
    brought: list[str] = []
    for head, value, stamp in lines:
        key = one.known[head]
        if key is None:
            continue
        kept += 1
        if stamp is not None and honor:
            # Quien pone su propia hora responde de ella: esas series no se marcan al desaparecer.
            storage.append_key(key, stamp, value)
            continue
        brought.append(head)
        storage.append_key(key, at_ms, value)
    added = 0
    if brought != one.brought:  # casi siempre trae lo mismo que la vez anterior, y no hay nada que comparar
        now = {key for head in brought if (key := one.known[head]) is not None}
        added = len(now - one.seen)
        storage.mark_stale(one.seen - now, at_ms)
        one.seen, one.brought = now, brought
    up = 1.0 if one.health == "up" else 0.0
    report = (up, one.took_s, len(lines) or refused[0], kept or refused[1], added)
    for name, number in zip(REPORT, report, strict=True):
        storage.append({"__name__": name, **one.target.labels}, at_ms, float(number))


def leave(one: Visit, storage: Storage, at_ms: int) -> None:
    """El objetivo ya no está: todo lo suyo, `up` incluida, deja de valer."""
    storage.mark_stale(one.seen, at_ms)
    storage.mark_stale((key_of({"__name__": name, **one.target.labels}) for name in REPORT), at_ms)


def _understand(one: Visit, lines: list[exposition.Line]) -> None:
    """Averigua las etiquetas de los comienzos de línea nuevos, y comprueba que no sean demasiadas."""
    if len(one.known) > 2 * len(lines) + 500:
        one.known.clear()
    for number, (head, _, _) in enumerate(lines, start=1):
        if head not in one.known:
            labels = _labelled(exposition.labels_of(head, number), one.target)
            final = relabel.apply(labels, one.target.job.metric_relabeling)
            one.known[head] = key_of(final) if final and final.get("__name__") else None
    limit = one.target.job.sample_limit
    kept = sum(one.known[head] is not None for head, _, _ in lines) if limit else 0
    if kept > limit:
        raise TooManySamples(len(lines), kept, limit)


def _labelled(own: dict[str, str], target: Target) -> dict[str, str]:
    """Las etiquetas de la muestra más las del objetivo; si chocan, la de la muestra pasa a `exported_…`."""
    labels = dict(own)
    for name, value in target.labels.items():
        if name in own:
            if target.job.honor_labels:
                continue
            moved = f"exported_{name}"
            while moved in own or moved in target.labels:
                moved = f"exported_{moved}"
            labels[moved] = own[name]
        labels[name] = value
    return labels


def _why(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nadie escucha en esa dirección (conexión rechazada)"
    return str(error) or type(error).__name__
