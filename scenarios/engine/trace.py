"""Una traza leída de la API de consulta de Jaeger (https://www.jaegertracing.io/docs/latest/architecture/apis/)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.engine.flow import SpanMatch


@dataclass(frozen=True, slots=True)
class Span:
    """Una operación. `start_us` son microsegundos desde 1970; `links` son los `span_id` enlazados.

    `instance` es qué instancia de `service` la hizo (`service.instance.id`), o vacío si no lo dijo.
    """

    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: str
    start_us: int
    duration_us: int
    attributes: Mapping[str, Any]
    links: tuple[str, ...]
    instance: str = ""

    @property
    def status(self) -> int | None:
        """El código de estado HTTP, con el nombre de atributo nuevo o con el antiguo."""
        for key in ("http.response.status_code", "http.status_code"):
            if key in self.attributes:
                return int(self.attributes[key])
        return None


@dataclass(frozen=True, slots=True)
class Trace:
    """Los spans de una traza por orden de comienzo."""

    trace_id: str
    spans: tuple[Span, ...]

    @classmethod
    def from_jaeger(cls, document: Mapping[str, Any]) -> Trace:
        """La primera traza de la respuesta de `/api/traces/{id}`; sin spans si no hay ninguna."""
        return next(cls.all_from_jaeger(document), cls("", ()))

    @classmethod
    def all_from_jaeger(cls, document: Mapping[str, Any]) -> Iterator[Trace]:
        """Todas las trazas de una respuesta de `/api/traces`."""
        for one in document.get("data") or ():
            spans = sorted((_span(raw, one["processes"]) for raw in one["spans"]), key=lambda span: span.start_us)
            yield cls(one["traceID"], tuple(spans))

    @property
    def services(self) -> set[str]:
        """Quiénes han contado algo en esta traza."""
        return {span.service for span in self.spans}

    def find(self, match: SpanMatch) -> Iterator[Span]:
        """Los spans que cumplen `match`, por orden de comienzo."""
        for span in self.spans:
            if match.matches(span.service, span.kind, span.name, span.attributes):
                yield span

    def span(self, span_id: str | None) -> Span | None:
        """El span con ese identificador."""
        return next((span for span in self.spans if span.span_id == span_id), None)

    def ancestors(self, span: Span) -> Iterator[Span]:
        """El padre de `span`, el padre de su padre… hasta donde haya."""
        current = self.span(span.parent_id)
        while current is not None:
            yield current
            current = self.span(current.parent_id)

    @property
    def orphans(self) -> list[Span]:
        """Los spans que dicen tener un padre y su padre no está."""
        known = {span.span_id for span in self.spans}
        return [span for span in self.spans if span.parent_id is not None and span.parent_id not in known]

    @property
    def roots(self) -> list[Span]:
        """Los spans sin padre: en una traza entera hay uno solo."""
        return [span for span in self.spans if span.parent_id is None]


def _span(raw: Mapping[str, Any], processes: Mapping[str, Any]) -> Span:
    process = processes[raw["processID"]]
    about = {tag["key"]: tag["value"] for tag in process.get("tags") or ()}
    attributes = {tag["key"]: tag["value"] for tag in raw.get("tags", ())}
    references = raw.get("references", ())
    # Como Jaeger: el padre es la primera referencia a la misma traza, mejor si es CHILD_OF. Cuando un span enlaza
    # con su propio padre, Jaeger deja una sola referencia, FOLLOWS_FROM.
    local = [ref for ref in references if ref["traceID"] == raw["traceID"]]
    local.sort(key=lambda ref: ref["refType"] != "CHILD_OF")
    parent = local[0]["spanID"] if local else None
    links = tuple(ref["spanID"] for ref in references if ref["refType"] == "FOLLOWS_FROM")
    return Span(
        span_id=raw["spanID"],
        parent_id=parent,
        service=process["serviceName"],
        name=raw["operationName"],
        kind=str(attributes.get("span.kind", "internal")),
        start_us=int(raw["startTime"]),
        duration_us=int(raw["duration"]),
        attributes=attributes,
        links=links,
        instance=str(about.get("service.instance.id", "")),
    )
