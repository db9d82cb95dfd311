"""Qué ruta atiende cada petición.

Sigue al router `traditional_compatible` de Kong 3.9 (`kong/router/transform.lua`): cada ruta tiene una
prioridad que sale de cuántas condiciones pone y de lo concretas que son, y gana la primera que casa. Una ruta
con caminos de distinta longitud cuenta como varias.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stack.kong.embedded.headers import Headers
from stack.kong.embedded.models import Route

_SPLIT = uuid.UUID("7f145bf9-0dce-4f91-98eb-debbce4b9f6b")


@dataclass(frozen=True, slots=True)
class Match:
    """La ruta elegida y el trozo del camino que casó con ella (vacío si no miraba el camino)."""

    route: Route
    matched_path: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    route: Route
    priority: tuple[int | bool, ...]
    key: str
    methods: frozenset[str]
    hosts: tuple[tuple[str, int | None], ...]
    prefixes: tuple[str, ...]
    regexes: tuple[re.Pattern[str], ...]
    headers: Mapping[str, tuple[str, ...]]

    def match(self, method: str, host: str, port: int, path: str, headers: Headers) -> str | None:
        """El trozo de `path` que casa, o `None` si la petición no es de esta ruta."""
        if self.methods and method not in self.methods:
            return None
        if self.hosts and not any(_host_matches(p, wanted, host, port) for p, wanted in self.hosts):
            return None
        if self.headers and not all(_header_matches(headers.all(n), v) for n, v in self.headers.items()):
            return None
        if self.regexes:
            found = next((m for regex in self.regexes if (m := regex.match(path))), None)
            return found.group() if found else None
        if self.prefixes:
            return next((prefix for prefix in self.prefixes if path.startswith(prefix)), None)
        return ""


class Router:
    """Las rutas de una configuración, ordenadas de la más a la menos concreta."""

    def __init__(self, routes: Iterable[Route]) -> None:
        found = [candidate for route in routes for candidate in _candidates(route)]
        self._candidates = sorted(found, key=lambda c: (c.priority, c.key), reverse=True)

    def match(self, method: str, host: str, port: int, path: str, headers: Headers) -> Match | None:
        """La ruta de una petición. `path` va sin la consulta y normalizado; `port` es el que escucha Kong."""
        host = _without_port(host).lower()
        for candidate in self._candidates:
            matched = candidate.match(method, host, port, path, headers)
            if matched is not None:
                return Match(candidate.route, matched)
        return None


def _candidates(route: Route) -> Iterable[_Candidate]:
    groups: dict[int, list[str]] = {}
    for path in route.entity["paths"] or ():
        groups.setdefault(-1 if path.startswith("~") else len(path), []).append(path)
    if len(groups) <= 1:
        yield _candidate(route, route.id, next(iter(groups.values()), []))
        return
    for position, paths in enumerate(groups.values(), 1):
        yield _candidate(route, str(uuid.uuid5(_SPLIT, f"{route.id}#{position}")), paths)


def _candidate(route: Route, key: str, paths: list[str]) -> _Candidate:
    entity = route.entity
    hosts, headers = entity["hosts"] or [], entity["headers"] or {}
    regex = bool(paths) and paths[0].startswith("~")
    priority = (
        sum(map(bool, (entity["methods"], hosts, headers, paths))),
        entity["hosts"] is not None and not any("*" in host for host in hosts),
        min(len(headers), 255),
        regex,
        (entity["regex_priority"] or 0) if regex else 0,
        0 if regex or not paths else len(paths[0]),
    )
    return _Candidate(
        route=route,
        priority=priority,
        key=key,
        methods=frozenset(entity["methods"] or ()),
        hosts=tuple(_split_port(host.lower()) for host in hosts),
        prefixes=() if regex else tuple(paths),
        regexes=tuple(re.compile(path[1:]) for path in paths) if regex else (),
        headers={name.lower(): tuple(value.lower() for value in values) for name, values in headers.items()},
    )


def _split_port(host: str) -> tuple[str, int | None]:
    name, _, port = host.rpartition(":")
    return (name, int(port)) if name and port.isdigit() else (host, None)


def _without_port(host: str) -> str:
    return _split_port(host)[0] if not host.endswith("]") else host


def _host_matches(pattern: str, wanted_port: int | None, host: str, port: int) -> bool:
    if wanted_port is not None and wanted_port != port:
        return False
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    if pattern.endswith("*"):
        return host.startswith(pattern[:-1])
    return host == pattern


def _header_matches(values: list[str], wanted: tuple[str, ...]) -> bool:
    lowered = [value.lower() for value in values]
    return any(
        re.search(option[2:], value) is not None if option.startswith("~*") else option == value
        for option in wanted
        for value in lowered
    )
