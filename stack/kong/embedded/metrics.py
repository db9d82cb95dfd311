"""Las series del plugin `prometheus` de Kong 3.9 (`kong/plugins/prometheus/exporter.lua`).

Se escriben a mano porque la biblioteca de Prometheus obliga a que un contador acabe en `_total`, y
`kong_bandwidth_bytes` no acaba así.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from stack.kong.embedded.product import VERSION, WORKSPACE

KONG_BUCKETS = (1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000, 3000, 6000)
UPSTREAM_BUCKETS = (25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10000, 30000, 60000)

_Labels = tuple[str, ...]


@dataclass(slots=True)
class Counter:
    """Un contador con etiquetas."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: dict[_Labels, int] = field(default_factory=dict)

    def add(self, labels: _Labels, amount: int = 1) -> None:
        """Suma `amount`."""
        self.values[labels] = self.values.get(labels, 0) + amount

    def lines(self) -> Iterator[str]:
        """La familia en formato de texto; nada si todavía no tiene valores."""
        if self.values:
            yield from _family(self.name, self.help, "counter")
        for labels, value in self.values.items():
            yield _sample(self.name, zip(self.labels, labels, strict=True), value)


@dataclass(slots=True)
class Histogram:
    """Un histograma con etiquetas, en milisegundos."""

    name: str
    help: str
    labels: tuple[str, ...]
    buckets: tuple[int, ...]
    values: dict[_Labels, list[int]] = field(default_factory=dict)
    sums: dict[_Labels, int] = field(default_factory=dict)

    def observe(self, labels: _Labels, value: int) -> None:
        """Anota una medida."""
        counts = self.values.setdefault(labels, [0] * (len(self.buckets) + 1))
        counts[bisect.bisect_left(self.buckets, value)] += 1
        self.sums[labels] = self.sums.get(labels, 0) + value

    def lines(self) -> Iterator[str]:
        """La familia en formato de texto; nada si todavía no tiene valores."""
        if self.values:
            yield from _family(self.name, self.help, "histogram")
        for labels, counts in self.values.items():
            pairs = list(zip(self.labels, labels, strict=True))
            total = 0
            for bound, count in zip([*map(str, self.buckets), "+Inf"], counts, strict=True):
                total += count
                yield _sample(f"{self.name}_bucket", [*pairs, ("le", bound)], total)
            yield _sample(f"{self.name}_count", pairs, total)
            yield _sample(f"{self.name}_sum", pairs, self.sums[labels])


class Metrics:
    """Todo lo que `/metrics` enseña."""

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self.connections = {"accepted": 0, "handled": 0, "active": 0, "reading": 0, "writing": 0, "waiting": 0}
        self.requests = 0
        self.reset()

    def reset(self) -> None:
        """Como recién arrancado (las conexiones abiertas siguen abiertas)."""
        where = ("service", "route")
        self._status = Counter(
            "kong_http_requests_total",
            "HTTP status codes per consumer/service/route in Kong",
            (*where, "code", "source", "workspace", "consumer"),
        )
        self._bandwidth = Counter(
            "kong_bandwidth_bytes",
            "Total bandwidth (ingress/egress) throughput in bytes",
            (*where, "direction", "workspace", "consumer"),
        )
        self._kong = Histogram(
            "kong_kong_latency_ms",
            "Latency added by Kong and enabled plugins for each service/route in Kong",
            (*where, "workspace"),
            KONG_BUCKETS,
        )
        self._upstream = Histogram(
            "kong_upstream_latency_ms",
            "Latency added by upstream response for each service/route in Kong",
            (*where, "workspace"),
            UPSTREAM_BUCKETS,
        )
        self._total = Histogram(
            "kong_request_latency_ms",
            "Total latency incurred during requests for each service/route in Kong",
            (*where, "workspace"),
            UPSTREAM_BUCKETS,
        )

    def count_status(self, service: str, route: str, status: int, source: str, consumer: str) -> None:
        """Una petición contestada. `source` es `service` si contestó el servicio, `kong` si contestó Kong."""
        self._status.add((service, route, str(status), source, WORKSPACE, consumer))

    def add_bandwidth(self, service: str, route: str, ingress: int, egress: int, consumer: str) -> None:
        """Los bytes que entraron y salieron."""
        for direction, size in (("ingress", ingress), ("egress", egress)):
            if size > 0:
                self._bandwidth.add((service, route, direction, WORKSPACE, consumer), size)

    def observe_latency(self, service: str, route: str, total: int, upstream: int | None, kong: int) -> None:
        """Lo que tardó, en milisegundos. `upstream` es `None` si no se llegó a llamar al servicio."""
        labels = (service, route, WORKSPACE)
        self._total.observe(labels, total)
        self._kong.observe(labels, kong)
        if upstream is not None:
            self._upstream.observe(labels, upstream)

    def statistics(self) -> Mapping[str, int]:
        """Las conexiones y peticiones, como las nombra `/status`."""
        names = {f"connections_{state}": count for state, count in self.connections.items()}
        return names | {"total_requests": self.requests}

    def text(self, *, enabled: bool) -> str:
        """El texto de `/metrics`; sin el plugin configurado solo salen los datos del nodo."""
        families: list[Iterable[str]] = [self._node()]
        if enabled:
            families += [f.lines() for f in (self._status, self._bandwidth)]
            families += [f.lines() for f in (self._kong, self._upstream, self._total)]
        return "\n".join(line for family in families for line in family) + "\n"

    def _node(self) -> Iterator[str]:
        node = ("node_id", self.node_id)
        yield from _gauge("kong_datastore_reachable", "Datastore reachable from Kong, 0 is unreachable", [((), 1)])
        states = [(state, count) for state, count in self.connections.items()] + [("total", self.requests)]
        yield from _gauge(
            "kong_nginx_connections_total",
            "Number of connections by subsystem",
            [((node, ("subsystem", "http"), ("state", state)), count) for state, count in states],
        )
        yield from _gauge(
            "kong_nginx_requests_total",
            "Number of requests total",
            [((node, ("subsystem", "http")), self.requests)],
        )
        yield from _gauge("kong_node_info", "Kong Node metadata information", [((node, ("version", VERSION)), 1)])
        yield from _family("kong_nginx_metric_errors_total", "Number of nginx-lua-prometheus errors", "counter")
        yield "kong_nginx_metric_errors_total 0"


def _gauge(name: str, help_: str, samples: Iterable[tuple[tuple[tuple[str, str], ...], int]]) -> Iterator[str]:
    yield from _family(name, help_, "gauge")
    for labels, value in samples:
        yield _sample(name, labels, value)


def _family(name: str, help_: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {help_}"
    yield f"# TYPE {name} {kind}"


def _sample(name: str, labels: Iterable[tuple[str, str]], value: int) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
