"""`prometheus.yml`, leído como lo lee Prometheus: un campo que no existe impide arrancar.

Sigue https://prometheus.io/docs/prometheus/latest/configuration/configuration/.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stack.prometheus.embedded import fields
from stack.prometheus.embedded.fields import ConfigProblem, duration_s
from stack.prometheus.embedded.rules import Group, read_groups
from stack.prometheus.embedded.targets import Job, Target, read_job

_TOP = {"global", "scrape_configs", "rule_files"}
_GLOBAL = {
    "scrape_interval",
    "scrape_timeout",
    "evaluation_interval",
    "external_labels",
    "fallback_scrape_protocol",
}


@dataclass(frozen=True, slots=True)
class Config:
    """La configuración entera. `text` es el fichero tal cual y `evaluation_s`, cada cuánto se calculan reglas."""

    evaluation_s: float
    jobs: tuple[Job, ...]
    groups: tuple[Group, ...]
    text: str

    @property
    def targets(self) -> list[Target]:
        """Los objetivos que se conocen sin preguntar a nadie."""
        return [target for job in self.jobs for target in job.targets(job.static)[0]]


def read(path: Path) -> Config:
    """Lee el fichero y las reglas que nombra.

    Raises:
        ConfigProblem: no se puede leer, no es YAML, o un campo no existe o no vale.
    """
    text, document = _load(path)
    document = fields.block(document, _TOP, "")
    general = fields.block(document.get("global"), _GLOBAL, "global")
    fields.labels(general, "external_labels", "global")
    jobs: dict[str, Job] = {}
    for where, item in fields.many(document, "scrape_configs", ""):
        job = read_job(item, general, where, path.parent)
        if job.name in jobs:
            raise ConfigProblem(f"{where}.job_name: el trabajo «{job.name}» está dos veces")
        jobs[job.name] = job
    interval = duration_s(general.get("evaluation_interval", "1m"), "global.evaluation_interval")
    if interval <= 0:
        raise ConfigProblem("global.evaluation_interval: tiene que ser mayor que cero")
    groups: list[Group] = []
    for where, pattern in fields.many(document, "rule_files", ""):
        if not isinstance(pattern, str) or not pattern or Path(pattern).is_absolute():
            raise ConfigProblem(f"{where}: «{pattern}» no es un fichero al lado de prometheus.yml")
        # Como en Prometheus, un nombre que no casa con nada no es un error: las reglas pueden llegar después.
        for file in sorted(path.parent.glob(pattern)):
            groups += read_groups(_load(file)[1], file.name, interval)
    return Config(interval, tuple(jobs.values()), tuple(groups), text)


def _load(path: Path) -> tuple[str, Any]:
    try:
        text = path.read_text("utf-8")
        return text, yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigProblem(f"{path.name}: no se puede leer ({error})") from error
    except yaml.YAMLError as error:
        raise ConfigProblem(f"{path.name}: no es YAML válido: {error}") from error
