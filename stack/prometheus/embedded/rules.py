"""Las reglas: consultas que se repiten solas para guardar su resultado o para avisar.

Sigue https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/ y …/alerting_rules/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stack.prometheus.embedded import fields
from stack.prometheus.embedded.fields import ConfigProblem, duration_s
from stack.prometheus.embedded.promql import BadQuery, NotCovered
from stack.prometheus.embedded.promql.engine import parse
from stack.prometheus.embedded.promql.formatting import number

_GROUP = {"name", "interval", "rules", "labels"}
_RULE = {"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_HOLE = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_LABEL = re.compile(r"\$labels\.([a-zA-Z_][a-zA-Z0-9_]*)$")


@dataclass(frozen=True, slots=True)
class Rule:
    """Una regla. `record` guarda el resultado con ese nombre; `alert` avisa mientras la consulta conteste algo.

    `hold_s` es cuánto ha de durar antes de avisar (`for`) y `keep_s`, cuánto sigue avisando después.
    """

    name: str
    expr: str
    alert: bool
    hold_s: float
    keep_s: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """Reglas que se calculan juntas, en orden, cada `interval_s`."""

    name: str
    file: str
    interval_s: float
    rules: tuple[Rule, ...]


def read_groups(document: Any, file: str, interval_s: float) -> list[Group]:
    """Los grupos de un fichero de reglas; `ConfigProblem` con el fichero y la ruta de lo que no vale."""
    document = fields.block(document, {"groups"}, file)
    groups: dict[str, Group] = {}
    for where, item in fields.many(document, "groups", file):
        item = fields.block(item, _GROUP, where)
        name = fields.text(item, "name", "", where)
        if not name or name in groups:
            raise ConfigProblem(f"{where}.name: " + (f"«{name}» está dos veces" if name else "falta el nombre"))
        every = duration_s(item["interval"], f"{where}.interval") if "interval" in item else interval_s
        common = fields.labels(item, "labels", where)
        rules = tuple(_rule(one, common, path) for path, one in fields.many(item, "rules", where))
        groups[name] = Group(name, file, every or interval_s, rules)
    return list(groups.values())


def _rule(item: Any, common: Mapping[str, str], where: str) -> Rule:
    item = fields.block(item, _RULE, where)
    record, alert = fields.text(item, "record", "", where), fields.text(item, "alert", "", where)
    if bool(record) is bool(alert):
        raise ConfigProblem(f"{where}: hace falta «record» o «alert», y solo uno de los dos")
    if record:
        for name in ("for", "keep_firing_for", "annotations"):
            if name in item:
                raise ConfigProblem(f"{where}.{name}: es de las alertas, y esta regla guarda un resultado")
        if not _METRIC.fullmatch(record):
            raise ConfigProblem(f"{where}.record: «{record}» no puede ser el nombre de una métrica")
    expr = fields.text(item, "expr", "", where)
    try:
        parse(expr)
    except (BadQuery, NotCovered) as error:
        raise ConfigProblem(f"{where}.expr: {error}") from error
    labels = {**common, **fields.labels(item, "labels", where)}
    annotations = fields.labels(item, "annotations", where)
    if alert:
        for kind, texts in (("labels", labels), ("annotations", annotations)):
            for name, template in texts.items():
                _check(template, f"{where}.{kind}.{name}")
    return Rule(
        record or alert,
        expr,
        bool(alert),
        duration_s(item.get("for", 0), f"{where}.for"),
        duration_s(item.get("keep_firing_for", 0), f"{where}.keep_firing_for"),
        labels,
        annotations,
    )


def _check(template: str, where: str) -> None:
    for inside in _HOLE.findall(template):
        if inside not in ("$value", ".Value") and not _LABEL.match(inside.replace(".Labels", "$labels", 1)):
            raise ConfigProblem(
                f"{where}: de las plantillas solo se entienden {{{{ $labels.nombre }}}} y {{{{ $value }}}}, "
                f"y pone {{{{ {inside} }}}}"
            )


def expand(template: str, labels: Mapping[str, str], value: float) -> str:
    """`template` con `{{ $labels.nombre }}` y `{{ $value }}` en su sitio."""

    def one(hole: re.Match[str]) -> str:
        found = _LABEL.match(hole[1].replace(".Labels", "$labels", 1))
        return labels.get(found[1], "") if found else number(value)

    return _HOLE.sub(one, template)
