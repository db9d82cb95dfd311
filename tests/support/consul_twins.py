"""Dos Consul que reciben siempre las mismas peticiones, para compararlos.

Se comparan estados, cuerpos y cabeceras, sin los números que no pueden coincidir (índices e identificadores); y
de los índices, que crezcan en los dos o en ninguno. El agente de verdad se lo cuenta al catálogo un momento
después de contestar: lo que no coincide se vuelve a preguntar antes de darlo por distinto.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import requests

SYNC_S = 0.015
PATIENCE_S = 1.0
NOBODY = ("00000000-0000-0000-0000-000000000000",) * 2

_INDEX = "X-Consul-Index"
_HEADERS = (
    "Content-Type",
    "Allow",
    "X-Consul-Reason",
    "X-Consul-KnownLeader",
    "X-Consul-LastContact",
    "X-Consul-Query-Backend",
    "X-Consul-Default-ACL-Policy",
    "X-Consul-Effective-Consistency",
    "X-Content-Type-Options",
)
_VOLATILE = {"CreateIndex", "ModifyIndex", "ContentHash", "NodeMeta", "consul"}
_UNORDERED = {"web", "api"}
"""Las etiquetas de `catalog/services` salen de un mapa de Go: en cualquier orden."""

Path = str | tuple[str, str]
Both = tuple[requests.Response, requests.Response]


class Twins:
    """Los dos, que reciben siempre lo mismo. Las sesiones, que cada uno nombra a su manera, van por parejas."""

    def __init__(self, theirs: str, ours: str, random: Random) -> None:
        self._urls = theirs, ours
        self._http = requests.Session(), requests.Session()
        self._watchers = ThreadPoolExecutor(2)
        self._indexes: dict[str, tuple[int, int]] = {}
        self.random = random
        self.sessions: list[tuple[str, str]] = []
        self.modified: dict[str, tuple[int, int]] = {}

    def close(self) -> None:
        self._watchers.shutdown()
        for http in self._http:
            http.close()

    def send(self, method: str, path: Path, params: Any = None, pair: Any = None, **options: Any) -> Both:
        """La misma petición a los dos; con `pair`, los parámetros de cada uno; `path` puede ser también pareja."""
        paths = (path, path) if isinstance(path, str) else path
        given = pair or (params, params)
        first, second = (
            http.request(method, f"{url}/v1/{where}", params=one, timeout=20, **options)
            for http, url, where, one in zip(self._http, self._urls, paths, given, strict=True)
        )
        return first, second

    def write(self, method: str, path: Path, **options: Any) -> Both:
        """Una escritura: mismo estado y misma respuesta."""
        both = self.send(method, path, **options)
        self.require_same(both, (method, path, options))
        if str(path).startswith("agent/"):
            time.sleep(SYNC_S)
        return both

    def read(self, path: Path, params: Mapping[str, Any] | None = None) -> Both:
        """Una lectura: lo mismo y, desde la anterior igual, el índice se ha movido en los dos o en ninguno."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            both = self.send("GET", path, params)
            if self._seen(both, 0) == self._seen(both, 1) or time.monotonic() > deadline:
                break
            time.sleep(SYNC_S)
        self.require_same(both, (path, params))
        if _INDEX in both[0].headers:
            now = indexes(both)
            before = self._indexes.get(f"{path}?{params}", now)
            grew = [(new > old) - (new < old) for new, old in zip(now, before, strict=True)]
            assert grew[0] == grew[1], ("índice", path, params, before, now)
            self._indexes[f"{path}?{params}"] = now
        return both

    def watch(self, path: str, params: Mapping[str, Any], wait_s: float, meanwhile: Callable[[], None]) -> None:
        """Una espera larga mientras pasa `meanwhile`: se despiertan los dos o ninguno, y ven lo mismo."""
        first = self.read(path, params)
        now = indexes(first)
        waiting = [
            self._watchers.submit(
                requests.get,
                f"{url}/v1/{path}",
                params={**params, "index": index, "wait": f"{round(wait_s * 1000)}ms"},
                timeout=20,
            )
            for url, index in zip(self._urls, now, strict=True)
        ]
        time.sleep(2 * SYNC_S)  # que lleguen antes que lo que les va a despertar
        meanwhile()
        both = waiting[0].result(), waiting[1].result()
        # Quien no se despierta puede traer un índice más nuevo: en Consul, por cómo guarda las claves en su árbol.
        woken = [one.elapsed.total_seconds() < wait_s for one in both]
        # Y a veces despierta de más; su documentación avisa. A quien espera algo que no existe, según lo que haya
        # cerca en su árbol; y por `health/service` llega también que una instancia ha cambiado de nombre, con un
        # índice que no da al preguntar sin esperar (y que solo sabe si ya había alguien esperando).
        body = self._seen(both, 0)[1]
        unchanged = path.startswith("health/service") and body == self._seen(first, 0)[1]
        too_much = (woken[0] and body in ([], {}, "")) or unchanged
        assert woken[0] == woken[1] or too_much, ("espera", path, params, now, indexes(both))
        self.require_same(both, ("espera", path, params))

    def session(self) -> tuple[str, str]:
        """Una pareja de sesiones, viva o no; o ninguna."""
        return self.random.choice(self.sessions) if self.sessions and self.random.random() < 0.9 else NOBODY

    def require_same(self, both: Both, asked: Any) -> None:
        """Falla si no dicen lo mismo; `asked` es lo que se preguntó, para contarlo."""
        theirs, ours = self._seen(both, 0), self._seen(both, 1)
        if theirs != ours:
            raise AssertionError("\n".join([str(asked), *_differences(theirs, ours, "")]))

    def _seen(self, both: Both, who: int) -> tuple[int, Any, Any]:
        text, headers = both[who].text, both[who].headers
        # Los nombres de sus tipos de Go, en un error de su biblioteca JSON.
        text = re.sub(r"(json: cannot unmarshal \w+ into Go )[^\0]*", r"\1…", text)
        for number, pair in enumerate(self.sessions):
            text = text.replace(pair[who], f"sesión {number}")
        # A veces Consul descubre que algo no vale cuando ya ha puesto las cabeceras de la respuesta.
        names = ("Content-Type",) if both[who].status_code in (400, 500) else _HEADERS
        kept = {name: headers[name] for name in names if name in headers}
        try:
            return both[who].status_code, _comparable(json.loads(text)), kept
        except ValueError:
            return both[who].status_code, text, kept


def indexes(both: Both) -> tuple[int, int]:
    """El índice que ha dado cada uno."""
    return int(both[0].headers[_INDEX]), int(both[1].headers[_INDEX])


def _differences(theirs: Any, ours: Any, where: str) -> list[str]:
    """Dónde no coinciden dos respuestas, y qué dice ahí cada una."""
    if theirs == ours:
        return []
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        return [one for key in theirs for one in _differences(theirs[key], ours[key], f"{where}/{key}")]
    both_lists = isinstance(theirs, list | tuple) and isinstance(ours, list | tuple)
    if both_lists and len(theirs) == len(ours):
        pairs = enumerate(zip(theirs, ours, strict=True))
        return [one for place, (a, b) in pairs for one in _differences(a, b, f"{where}/{place}")]
    return [f"{where}: allí {theirs!r}", f"{where}: aquí {ours!r}"]


def _comparable(value: Any) -> Any:
    if isinstance(value, list):
        many = [_comparable(one) for one in value]
        # Las sesiones salen por su identificador, que es al azar; lo que el agente guarda en un mapa, como sea.
        first = many[0] if many and isinstance(many[0], dict) else {}
        return sorted(many, key=str) if first.keys() & {"LockDelay", "CheckID", "AggregatedStatus"} else many
    if not isinstance(value, dict):
        return value
    kept = {key: _comparable(one) for key, one in value.items() if key not in _VOLATILE}
    if isinstance(kept.get("Node"), dict):
        del kept["Node"]
    if len(str(kept.get("ID"))) == 36:
        del kept["ID"]
    return {key: sorted(one) if key in _UNORDERED and isinstance(one, list) else one for key, one in kept.items()}
