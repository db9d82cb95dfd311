"""Los trabajos de `scrape_configs` y los objetivos que salen de ellos."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from stack.prometheus.embedded import fields, relabel
from stack.prometheus.embedded.discovery import read_consul
from stack.prometheus.embedded.exposition import OPENMETRICS
from stack.prometheus.embedded.fields import ConfigProblem, duration_s, duration_text
from stack.prometheus.embedded.target_lists import read_file, read_http

_JOB = {
    "job_name",
    "scrape_interval",
    "scrape_timeout",
    "metrics_path",
    "scheme",
    "params",
    "honor_labels",
    "honor_timestamps",
    "sample_limit",
    "static_configs",
    "consul_sd_configs",
    "file_sd_configs",
    "http_sd_configs",
    "fallback_scrape_protocol",
    "relabel_configs",
    "metric_relabel_configs",
}


FALLBACKS = {
    "": "",
    "PrometheusText0.0.4": "text/plain",
    "PrometheusText1.0.0": "text/plain",
    "OpenMetricsText0.0.1": OPENMETRICS,
    "OpenMetricsText1.0.0": OPENMETRICS,
}
"""`fallback_scrape_protocol`: de su nombre al tipo con que se lee a quien no dice el suyo."""


class Discovery(Protocol):
    """Un sitio donde se pregunta cada `refresh_s` qué objetivos hay."""

    @property
    def name(self) -> str:
        """Cómo se llama en un mensaje."""

    @property
    def refresh_s(self) -> float:
        """Cada cuánto se pregunta."""

    async def find(self) -> list[Mapping[str, str]]:
        """Las etiquetas de cada objetivo, con `__address__` y sus `__meta_…`."""


@dataclass(frozen=True, slots=True)
class Job:
    """Un trabajo: cómo se lee, y de dónde salen sus objetivos. `static` son etiquetas ya con `__address__`."""

    name: str
    interval_s: float
    timeout_s: float
    path: str
    scheme: str
    params: Mapping[str, tuple[str, ...]]
    honor_labels: bool
    honor_timestamps: bool
    sample_limit: int
    fallback: str
    static: tuple[Mapping[str, str], ...]
    discoveries: tuple[Discovery, ...]
    relabeling: tuple[relabel.Rule, ...]
    metric_relabeling: tuple[relabel.Rule, ...]

    def targets(self, found: Iterable[Mapping[str, str]]) -> tuple[list[Target], list[Dropped]]:
        """Los objetivos que salen de esas etiquetas, y los que las reglas descartan. Sin repetir."""
        kept: dict[tuple[str, tuple[tuple[str, str], ...]], Target] = {}
        dropped: list[Dropped] = []
        for labels in found:
            discovered = self._discovered(labels)
            final = relabel.apply(discovered, self.relabeling)
            if final is None or not final.get("__address__"):
                dropped.append(Dropped(self.name, discovered))
                continue
            target = self._target(discovered, final)
            kept[target.url, tuple(sorted(target.labels.items()))] = target
        return list(kept.values()), dropped

    def _discovered(self, labels: Mapping[str, str]) -> dict[str, str]:
        base = {
            "job": self.name,
            "__scheme__": self.scheme,
            "__metrics_path__": self.path,
            "__scrape_interval__": duration_text(self.interval_s),
            "__scrape_timeout__": duration_text(self.timeout_s),
        }
        params = {f"__param_{name}": values[0] for name, values in self.params.items()}
        return {name: text for name, text in (base | params | dict(labels)).items() if text}

    def _target(self, discovered: dict[str, str], final: dict[str, str]) -> Target:
        params = {name: list(values) for name, values in self.params.items()}
        for label, value in final.items():
            if label.startswith("__param_"):
                params.setdefault(label[8:], [""])[0] = value
        query = urlencode(sorted(params.items()), doseq=True)
        path = quote(final.get("__metrics_path__", ""), safe="/%:@!$&'()*+,;=~-._")
        url = f"{final.get('__scheme__', 'http')}://{final['__address__']}{path}"
        labels = {name: value for name, value in final.items() if not name.startswith("__") and value}
        labels.setdefault("instance", final["__address__"])
        return Target(self, f"{url}?{query}" if query else url, labels, discovered)


@dataclass(frozen=True, slots=True)
class Target:
    """Una dirección que leer, con las etiquetas que llevarán sus muestras."""

    job: Job
    url: str
    labels: Mapping[str, str]
    discovered: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Algo descubierto que las reglas descartaron."""

    job: str
    discovered: Mapping[str, str]


def read_job(item: Any, general: Mapping[str, Any], where: str, folder: Path = Path()) -> Job:
    """Un elemento de `scrape_configs` del fichero que está en `folder`.

    Raises:
        ConfigProblem: algo no vale; dice la ruta del campo.
    """
    item = fields.block(item, _JOB, where)
    name = item.get("job_name")
    if not isinstance(name, str) or not name:
        raise ConfigProblem(f"{where}.job_name: falta el nombre del trabajo")
    interval = duration_s(
        item.get("scrape_interval", general.get("scrape_interval", "1m")), f"{where}.scrape_interval"
    )
    if interval <= 0:
        raise ConfigProblem(f"{where}.scrape_interval: tiene que ser mayor que cero")
    own = "scrape_timeout" in item
    timeout = duration_s(
        item.get("scrape_timeout", general.get("scrape_timeout", "10s")), f"{where}.scrape_timeout"
    )
    if own and timeout > interval:
        raise ConfigProblem(f"{where}.scrape_timeout: no puede ser mayor que scrape_interval")
    scheme = fields.text(item, "scheme", "http", where)
    if scheme != "http":
        raise ConfigProblem(f"{where}.scheme: este Prometheus didáctico solo lee por http")
    return Job(
        name,
        interval,
        min(timeout, interval),
        fields.text(item, "metrics_path", "/metrics", where),
        scheme,
        _params(item, where),
        fields.flag(item, "honor_labels", False, where),
        fields.flag(item, "honor_timestamps", True, where),
        fields.whole(item, "sample_limit", where),
        _fallback(item, general, where),
        _static(item, where),
        (
            *(read_consul(one, path) for path, one in fields.many(item, "consul_sd_configs", where)),
            *(read_file(one, path, folder) for path, one in fields.many(item, "file_sd_configs", where)),
            *(read_http(one, path) for path, one in fields.many(item, "http_sd_configs", where)),
        ),
        relabel.read(item, "relabel_configs", where),
        relabel.read(item, "metric_relabel_configs", where),
    )


def _fallback(item: Mapping[str, Any], general: Mapping[str, Any], where: str) -> str:
    name = item.get("fallback_scrape_protocol", general.get("fallback_scrape_protocol", ""))
    if name not in FALLBACKS:
        known = ", ".join(one for one in FALLBACKS if one)
        raise ConfigProblem(f"{where}.fallback_scrape_protocol: «{name}» no está entre {known}")
    return FALLBACKS[name]


def _params(item: Mapping[str, Any], where: str) -> dict[str, tuple[str, ...]]:
    section = item.get("params") or {}
    if not isinstance(section, dict):
        raise ConfigProblem(f"{where}.params: se esperaba un bloque de listas")
    params = {
        str(name): tuple(str(one) for _, one in fields.many(section, name, f"{where}.params")) for name in section
    }
    return {name: values for name, values in params.items() if values}


def _static(item: Mapping[str, Any], where: str) -> tuple[Mapping[str, str], ...]:
    found: list[Mapping[str, str]] = []
    for path, group in fields.many(item, "static_configs", where):
        group = fields.block(group, {"targets", "labels"}, path)
        own = fields.labels(group, "labels", path)
        for place, address in fields.many(group, "targets", path):
            if not isinstance(address, str) or not address or "/" in address:
                raise ConfigProblem(f"{place}: «{address}» no es una dirección (se escriben así: 127.0.0.1:8000)")
            found.append({"__address__": address} | own)
    return tuple(found)
