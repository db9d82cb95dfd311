"""`prometheus.yml`, leído como lo lee Prometheus: un campo que no existe impide arrancar.

Sigue https://prometheus.io/docs/prometheus/latest/configuration/configuration/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_TOP = {"global", "scrape_configs"}
_GLOBAL = {"scrape_interval", "scrape_timeout", "evaluation_interval", "external_labels"}
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
}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$")


class ConfigProblem(Exception):
    """La configuración no vale. El mensaje empieza por la ruta del campo (`scrape_configs[0].job_nam`)."""


@dataclass(frozen=True, slots=True)
class Target:
    """Una dirección que leer, con las etiquetas que llevarán sus muestras."""

    job: str
    url: str
    address: str
    labels: Mapping[str, str]
    interval_s: float
    timeout_s: float
    honor_labels: bool
    honor_timestamps: bool
    sample_limit: int

    @property
    def discovered(self) -> dict[str, str]:
        """Las etiquetas tal como se descubrieron, antes de arreglarlas (`__address__`…)."""
        return {"__address__": self.address, "job": self.job}


@dataclass(frozen=True, slots=True)
class Config:
    """La configuración entera; `text` es el fichero tal cual."""

    targets: tuple[Target, ...]
    text: str


def read(path: Path) -> Config:
    """Lee el fichero.

    Raises:
        ConfigProblem: no se puede leer, no es YAML, o un campo no existe o no vale.
    """
    try:
        text = path.read_text("utf-8")
        document = yaml.safe_load(text) or {}
    except OSError as error:
        raise ConfigProblem(f"{path.name}: no se puede leer ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise ConfigProblem(f"{path.name}: no es YAML válido: {error}") from error
    _known(document, _TOP, "")
    general = document.get("global") or {}
    _known(general, _GLOBAL, "global")
    targets: list[Target] = []
    names: set[str] = set()
    for index, job in enumerate(document.get("scrape_configs") or []):
        where = f"scrape_configs[{index}]"
        _known(job, _JOB, where)
        name = job.get("job_name")
        if not isinstance(name, str) or not name:
            raise ConfigProblem(f"{where}.job_name: falta el nombre del trabajo")
        if name in names:
            raise ConfigProblem(f"{where}.job_name: el trabajo «{name}» está dos veces")
        names.add(name)
        targets += _targets(job, name, general, where)
    return Config(tuple(targets), text)


def duration_s(value: Any, where: str) -> float:
    """`1s`, `500ms`, `1m30s` en segundos; `ConfigProblem` si no es una duración."""
    match = _DURATION.match(str(value))
    if match is None or not str(value):
        raise ConfigProblem(f"{where}: «{value}» no es una duración (se escriben así: 15s, 500ms, 1m)")
    days, hours, minutes, seconds, millis = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds + millis / 1000


def _targets(job: Mapping[str, Any], name: str, general: Mapping[str, Any], where: str) -> list[Target]:
    interval = duration_s(
        job.get("scrape_interval", general.get("scrape_interval", "1m")), f"{where}.scrape_interval"
    )
    timeout = duration_s(
        job.get("scrape_timeout", general.get("scrape_timeout", "10s")), f"{where}.scrape_timeout"
    )
    if interval <= 0:
        raise ConfigProblem(f"{where}.scrape_interval: tiene que ser mayor que cero")
    result = []
    for position, group in enumerate(job.get("static_configs") or []):
        _known(group, {"targets", "labels"}, f"{where}.static_configs[{position}]")
        for address in group.get("targets") or []:
            path = job.get("metrics_path", "/metrics")
            query = "&".join(f"{key}={value}" for key, many in (job.get("params") or {}).items() for value in many)
            url = f"{job.get('scheme', 'http')}://{address}{path}" + (f"?{query}" if query else "")
            labels = {"job": name, "instance": str(address)} | {
                k: str(v) for k, v in (group.get("labels") or {}).items()
            }
            result.append(
                Target(
                    name,
                    url,
                    str(address),
                    labels,
                    interval,
                    min(timeout, interval),
                    bool(job.get("honor_labels", False)),
                    bool(job.get("honor_timestamps", True)),
                    int(job.get("sample_limit", 0)),
                )
            )
    return result


def _known(section: Any, fields: set[str], where: str) -> None:
    if not isinstance(section, dict):
        raise ConfigProblem(f"{where or 'prometheus.yml'}: se esperaba un bloque con campos")
    for name in section:
        if name not in fields:
            path = f"{where}.{name}" if where else str(name)
            raise ConfigProblem(f"{path}: este Prometheus didáctico no conoce ese campo")
