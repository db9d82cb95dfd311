"""`relabel_configs`: cambiar las etiquetas de un objetivo (o de una muestra) antes de usarlas, o descartarlo.

Sigue https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stack.prometheus.embedded import fields
from stack.prometheus.embedded.fields import ConfigProblem
from stack.prometheus.embedded.promql import NotCovered
from stack.prometheus.embedded.promql.values import regex

_FIELDS = {"source_labels", "separator", "target_label", "regex", "replacement", "modulus", "action"}
_WRITERS = ("replace", "lowercase", "uppercase", "hashmod", "keepequal", "dropequal")
_ACTIONS = (*_WRITERS, "keep", "drop", "labelmap", "labeldrop", "labelkeep")
_GROUP = re.compile(r"\$(?:\{(\w+)\}|(\w+)|(\$))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """Un paso. `pattern` casa entero con los valores de `source`, unidos por `separator`."""

    action: str
    source: tuple[str, ...]
    separator: str
    target: str
    pattern: re.Pattern[str]
    replacement: str
    modulus: int


def read(section: Mapping[str, Any], name: str, where: str) -> tuple[Rule, ...]:
    """Las reglas de la lista `name`; `ConfigProblem` con la ruta de lo que no vale."""
    return tuple(_rule(item, path) for path, item in fields.many(section, name, where))


def _rule(item: Any, where: str) -> Rule:
    item = fields.block(item, _FIELDS, where)
    action = fields.text(item, "action", "replace", where).lower()
    if action not in _ACTIONS:
        raise ConfigProblem(f"{where}.action: «{action}» no está entre {', '.join(_ACTIONS)}")
    target = fields.text(item, "target_label", "", where)
    if action in _WRITERS and not target:
        raise ConfigProblem(f"{where}.target_label: «{action}» necesita saber de qué etiqueta habla")
    modulus = fields.whole(item, "modulus", where)
    if action == "hashmod" and not modulus:
        raise ConfigProblem(f"{where}.modulus: «hashmod» necesita entre cuántos reparte")
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
        modulus,
    )


def apply(labels: Mapping[str, str], rules: Iterable[Rule]) -> dict[str, str] | None:
    """Las etiquetas después de todas las reglas, en su orden; `None` si alguna lo descarta."""
    result = dict(labels)
    for rule in rules:
        value = rule.separator.join(result.get(label, "") for label in rule.source)
        match rule.action:
            case "keep" | "drop" | "keepequal" | "dropequal":
                if _discards(rule, value, result):
                    return None
            case "labelmap" | "labeldrop" | "labelkeep":
                result = _renamed(rule, result)
            case "replace":
                _replace(result, rule, value)
            case "hashmod":
                _set(result, rule.target, str(_hash(value) % rule.modulus))
            case _:
                _set(result, rule.target, value.lower() if rule.action == "lowercase" else value.upper())
    return result


def _discards(rule: Rule, value: str, labels: Mapping[str, str]) -> bool:
    equal = rule.action.endswith("equal")
    holds = labels.get(rule.target, "") == value if equal else rule.pattern.fullmatch(value) is not None
    return holds is rule.action.startswith("drop")


def _renamed(rule: Rule, labels: Mapping[str, str]) -> dict[str, str]:
    """Las acciones que miran el nombre de cada etiqueta y no lo que vale."""
    if rule.action == "labelmap":
        pairs = ((rule.pattern.fullmatch(label), text) for label, text in labels.items())
        return {**labels, **{_expand(rule.replacement, found): text for found, text in pairs if found}}
    keep = rule.action == "labelkeep"
    return {label: text for label, text in labels.items() if (rule.pattern.fullmatch(label) is not None) is keep}


def _replace(labels: dict[str, str], rule: Rule, value: str) -> None:
    found = rule.pattern.fullmatch(value)
    if found is None:
        return
    target, text = _expand(rule.target, found), _expand(rule.replacement, found)
    if target:
        _set(labels, target, text)


def _set(labels: dict[str, str], name: str, text: str) -> None:
    """Una etiqueta vacía es como no tenerla."""
    if text:
        labels[name] = text
    else:
        labels.pop(name, None)


def _hash(value: str) -> int:
    """Los últimos ocho bytes del MD5, que aquí no protege nada: solo reparte, igual en cada Prometheus."""
    return int.from_bytes(hashlib.md5(value.encode(), usedforsecurity=False).digest()[8:])


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
