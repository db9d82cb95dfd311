"""`relabel_configs`: cambiar las etiquetas de un objetivo (o de una muestra) antes de usarlas, o descartarlo.

Sigue https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stack.prometheus.embedded import fields
from stack.prometheus.embedded.fields import ConfigProblem
from stack.prometheus.embedded.promql import NotCovered
from stack.prometheus.embedded.promql.values import regex

_FIELDS = {"source_labels", "separator", "target_label", "regex", "replacement", "action"}
_ACTIONS = ("replace", "keep", "drop", "labelmap", "labeldrop", "labelkeep")
_GROUP = re.compile(r"\$(?:\{(\w+)\}|(\w+)|(\$))", re.ASCII)
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Rule:
    """Un paso. `pattern` casa entero con los valores de `source`, unidos por `separator`."""

    action: str
    source: tuple[str, ...]
    separator: str
    target: str
    pattern: re.Pattern[str]
    replacement: str


def read(section: Mapping[str, Any], name: str, where: str) -> tuple[Rule, ...]:
    """Las reglas de la lista `name`; `ConfigProblem` con la ruta de lo que no vale."""
    return tuple(_rule(item, path) for path, item in fields.many(section, name, where))


def _rule(item: Any, where: str) -> Rule:
    item = fields.block(item, _FIELDS, where)
    action = fields.text(item, "action", "replace", where).lower()
    if action not in _ACTIONS:
        raise ConfigProblem(f"{where}.action: «{action}» no está entre {', '.join(_ACTIONS)}")
    target = fields.text(item, "target_label", "", where)
    if action == "replace" and not target:
        raise ConfigProblem(f"{where}.target_label: «replace» necesita saber qué etiqueta escribe")
    try:
        pattern = regex(fields.text(item, "regex", "(.*)", where))
    except (re.error, NotCovered) as error:
        raise ConfigProblem(f"{where}.regex: la expresión no vale ({error})") from error
    return Rule(
        action,
        tuple(str(label) for _, label in fields.many(item, "source_labels", where)),
        fields.text(item, "separator", ";", where),
        target,
        pattern,
        fields.text(item, "replacement", "$1", where),
    )


def apply(labels: Mapping[str, str], rules: Iterable[Rule]) -> dict[str, str] | None:
    """Las etiquetas después de todas las reglas, en su orden; `None` si alguna lo descarta."""
    result = dict(labels)
    for rule in rules:
        value = rule.separator.join(result.get(label, "") for label in rule.source)
        match rule.action:
            case "keep" | "drop":
                if (rule.pattern.fullmatch(value) is None) is (rule.action == "keep"):
                    return None
            case "replace":
                _replace(result, rule, value)
            case "labelmap":
                for label, text in list(result.items()):
                    if found := rule.pattern.fullmatch(label):
                        result[_expand(rule.replacement, found)] = text
            case "labeldrop":
                result = {k: v for k, v in result.items() if not rule.pattern.fullmatch(k)}
            case _:
                result = {k: v for k, v in result.items() if rule.pattern.fullmatch(k)}
    return result


def _replace(labels: dict[str, str], rule: Rule, value: str) -> None:
    found = rule.pattern.fullmatch(value)
    if found is None:
        return
    target, text = _expand(rule.target, found), _expand(rule.replacement, found)
    if not _NAME.fullmatch(target):
        return
    if text:
        labels[target] = text
    else:
        labels.pop(target, None)


def _expand(template: str, found: re.Match[str]) -> str:
    """Como `Expand` de Go: `$1`, `${1}` o `${nombre}`; un grupo que no existe es vacío, y `$$` un dólar."""

    def one(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return found[int(name) if name.isdigit() else name] or ""
        except IndexError:
            return ""

    return _GROUP.sub(one, template)
