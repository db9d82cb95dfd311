"""El suplente de Consul y el Consul de verdad, con las mismas peticiones al azar: tienen que contestar lo mismo.

Hace falta `consul` en `STACKLAB_BIN` o en el PATH. `STACKLAB_SEMILLA` elige la tanda (`azar`, una nueva
cada vez); sin ella es siempre la misma, para que un fallo sea de quien cambió algo. Si falla se dice cuál era.

Se comparan estados y cuerpos, sin los números que no pueden coincidir (índices e identificadores); y de los
índices, que crezcan en los dos o en ninguno. El agente de verdad se lo cuenta al catálogo un momento después de
contestar: lo que no coincide se vuelve a preguntar antes de darlo por distinto.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import pytest
import requests

from tests.support.running import running

_GIVEN = os.environ.get("STACKLAB_SEMILLA", "20261124")
SEED = secrets.randbits(32) if _GIVEN == "azar" else int(_GIVEN)
STEPS = 1200
SYNC_S = 0.015
PATIENCE_S = 1.0
NOBODY = ("00000000-0000-0000-0000-000000000000",) * 2

KEYS = ["a", "b", "a/1", "a/2", "a/2/x", "é"]
NAMES = {"w1": "web", "w2": "web", "p1": "api"}
"""Cada instancia, siempre del mismo servicio."""
CHECKS = ["c0", "c1", "c2"]

_VOLATILE = {"CreateIndex", "ModifyIndex", "ContentHash", "NodeMeta", "consul"}

Path = str | tuple[str, str]
Both = tuple[requests.Response, requests.Response]


class Twins:
    """Los dos, que reciben siempre lo mismo. Las sesiones, que cada uno nombra a su manera, van por parejas."""

    def __init__(self, theirs: str, ours: str, random: Random) -> None:
        self._urls = theirs, ours
        self._http = requests.Session(), requests.Session()
        self._indexes: dict[str, tuple[int, int]] = {}
        self.random = random
        self.sessions: list[tuple[str, str]] = []
        self.modified: dict[str, tuple[int, int]] = {}

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
        assert self._seen(both, 0) == self._seen(both, 1), (method, path, options)
        if str(path).startswith("agent/"):
            time.sleep(SYNC_S)
        return both

    def read(self, path: str, params: Mapping[str, str] | None = None) -> Both:
        """Una lectura: lo mismo y, desde la anterior igual, el índice se ha movido en los dos o en ninguno."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            both = self.send("GET", path, params)
            if self._seen(both, 0) == self._seen(both, 1) or time.monotonic() > deadline:
                break
            time.sleep(SYNC_S)
        assert self._seen(both, 0) == self._seen(both, 1), (path, params)
        if "X-Consul-Index" in both[0].headers:
            now = int(both[0].headers["X-Consul-Index"]), int(both[1].headers["X-Consul-Index"])
            before = self._indexes.get(f"{path}?{params}", now)
            grew = [(new > old) - (new < old) for new, old in zip(now, before, strict=True)]
            assert grew[0] == grew[1], ("índice", path, params, before, now)
            self._indexes[f"{path}?{params}"] = now
        return both

    def session(self) -> tuple[str, str]:
        """Una pareja de sesiones, viva o no; o ninguna."""
        return self.random.choice(self.sessions) if self.sessions and self.random.random() < 0.9 else NOBODY

    def _seen(self, both: Both, who: int) -> tuple[int, Any]:
        text = both[who].text
        for number, pair in enumerate(self.sessions):
            text = text.replace(pair[who], f"sesión {number}")
        try:
            return both[who].status_code, _comparable(requests.models.complexjson.loads(text))
        except ValueError:
            return both[who].status_code, text


def _comparable(value: Any) -> Any:
    if isinstance(value, list):
        return [_comparable(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _comparable(one) for key, one in value.items() if key not in _VOLATILE}
    if isinstance(kept.get("Node"), dict):
        del kept["Node"]
    if len(str(kept.get("ID"))) == 36:
        del kept["ID"]
    # Las etiquetas de `catalog/services` salen de un mapa de Go: en cualquier orden.
    return {
        key: sorted(one) if key in ("web", "api") and isinstance(one, list) else one for key, one in kept.items()
    }


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STACKLAB_CONTRACT_RUNTIME", "binary")
        root = tmp_path_factory.mktemp("consul")
        with running("consul", root=root / "real") as real:
            patch.setenv("STACKLAB_CONTRACT_RUNTIME", "embedded")
            with running("consul", root=root / "suplente") as embedded:
                yield Twins(real["CONSUL_HTTP_URL"], embedded["CONSUL_HTTP_URL"], Random(SEED))


def write_keys(twins: Twins) -> None:
    """Escribe, borra, toma o suelta un cerrojo."""
    rnd, key = twins.random, twins.random.choice(KEYS)
    value = rnd.choice(["", "x", "yy"]).encode()
    known = twins.modified.get(key, (0, 0)) if rnd.random() < 0.7 else rnd.choice([(0, 0), (1, 1)])
    match rnd.choice(["put", "put", "cas", "acquire", "acquire", "release", "delete", "delete-cas", "tree"]):
        case "put":
            twins.write("PUT", f"kv/{key}", params={"flags": rnd.choice([0, 0, 3])}, data=value)
        case "cas":
            twins.write("PUT", f"kv/{key}", pair=[{"cas": one} for one in known], data=value)
        case "delete":
            twins.write("DELETE", f"kv/{key}")
        case "delete-cas":
            twins.write("DELETE", f"kv/{key}", pair=[{"cas": one} for one in known])
        case "tree":
            twins.write("DELETE", f"kv/{rnd.choice(['a/', 'a/2', 'b'])}", params={"recurse": ""})
        case lock:
            twins.write("PUT", f"kv/{key}", pair=[{lock: one} for one in twins.session()], data=value)


def read_keys(twins: Twins) -> None:
    """Lee una clave, un prefijo entero o solo sus nombres."""
    rnd, key = twins.random, twins.random.choice(KEYS)
    prefix = rnd.choice(["", "a", "a/", "zz"])
    match rnd.randrange(4):
        case 0:
            twins.read(f"kv/{prefix}", {"recurse": ""})
        case 1:
            twins.read(f"kv/{prefix}", {"keys": ""} | ({"separator": "/"} if rnd.random() < 0.5 else {}))
        case _:
            both = twins.read(f"kv/{key}")
            if both[0].status_code == 200:
                first, second = (one.json()[0]["ModifyIndex"] for one in both)
                twins.modified[key] = first, second


def sessions(twins: Twins) -> None:
    """Una operación con sesiones."""
    rnd, pair = twins.random, twins.session()
    match rnd.randrange(4):
        case 0:
            body: dict[str, Any] = {"LockDelay": rnd.choice(["0s", "0s", "1h"])}
            if rnd.random() < 0.4:
                body["Behavior"] = rnd.choice(["delete", "release", "otro"])
            if rnd.random() < 0.3:
                body["TTL"] = rnd.choice(["10m", "1ms", "x", "0s", ""])
            if rnd.random() < 0.4:
                tied = rnd.choice([[], ["serfHealth"], ["serfHealth", rnd.choice(CHECKS)], [rnd.choice(CHECKS)]])
                body[rnd.choice(["Checks", "NodeChecks"])] = tied
            first, second = twins.send("PUT", "session/create", json=body)
            assert first.status_code == second.status_code, body
            if first.status_code == 200:
                twins.sessions.append((first.json()["ID"], second.json()["ID"]))
            else:
                assert first.text == second.text, body
        case what:
            verb = ("info", "destroy", "renew")[what - 1]
            twins.write(
                "GET" if verb == "info" else "PUT", (f"session/{verb}/{pair[0]}", f"session/{verb}/{pair[1]}")
            )


def a_check(rnd: Random) -> dict[str, str]:
    """Una comprobación que nadie va a mirar durante la prueba."""
    chosen = {"TTL": "10m"}
    for field, values in {
        "Status": ["passing", "warning", "critical"],
        "Notes": ["n"],
        "Name": ["nombre"],
    }.items():
        if rnd.random() < 0.3:
            chosen[field] = rnd.choice(values)
    return chosen


def a_service(rnd: Random, instance: str) -> dict[str, Any]:
    """Lo que se manda al dar de alta `instance`; a veces no vale, y entonces se niegan los dos."""
    body: dict[str, Any] = {"Name": NAMES[instance], "ID": instance}
    for field, values in {
        "Port": [1, 2],
        "Tags": [["a"], ["A", "b"]],
        "Meta": [{"k": "v"}, {}],
        "Address": ["10.0.0.1", "host", ""],
        "Weights": [{"Passing": 0, "Warning": 1}, {"Passing": 2, "Warning": 1}],
        "Check": [a_check(rnd)],
        "Checks": [[a_check(rnd)], [a_check(rnd), a_check(rnd)]],
    }.items():
        if rnd.random() < 0.35:
            body[field] = rnd.choice(values)
    return body


def write_services(twins: Twins) -> None:
    """Da de alta o de baja, da noticias, o pone en mantenimiento."""
    rnd, instance = twins.random, twins.random.choice(list(NAMES))
    check = rnd.choice([*CHECKS, f"service:{instance}", f"service:{instance}:1", f"service:{instance}:2"])
    match rnd.choice(["alta", "alta", "alta", "baja", "noticia", "noticia", "mantenimiento", "suelta", "quita"]):
        case "alta":
            only_these = {"replace-existing-checks": "true"} if rnd.random() < 0.2 else None
            twins.write("PUT", "agent/service/register", params=only_these, json=a_service(rnd, instance))
        case "baja":
            twins.write("PUT", f"agent/service/deregister/{instance}")
        case "noticia":
            path = f"agent/check/{rnd.choice(['pass', 'warn', 'fail'])}/{check}"
            twins.write("PUT", path, params={"note": rnd.choice(["", "n", "m"])})
        case "mantenimiento":
            params = {"enable": rnd.choice(["true", "false"]), "reason": rnd.choice(["", "r"])}
            path = "agent/maintenance" if rnd.random() < 0.2 else f"agent/service/maintenance/{instance}"
            twins.write("PUT", path, params=params)
        case "suelta":
            twins.write("PUT", "agent/check/register", json={"Name": rnd.choice(CHECKS), "TTL": "10m"})
        case _:
            twins.write("PUT", f"agent/check/deregister/{check}")


def read_services(twins: Twins) -> None:
    """Pregunta al agente, al catálogo o por la salud."""
    rnd = twins.random
    instance, name = rnd.choice(list(NAMES.items()))
    state = rnd.choice(["any", "passing", "critical", "warning"])
    path = rnd.choice(
        [
            "agent/services",
            "agent/checks",
            f"agent/health/service/id/{instance}",
            f"agent/health/service/name/{name}",
            "catalog/services",
            f"catalog/service/{name}",
            f"health/service/{name}",
            f"health/service/{name}",
            f"health/checks/{name}",
            f"health/state/{state}",
            "health/node/lab",
        ]
    )
    params = {}
    if path.startswith("agent/health"):
        params = {"format": "text"}
    elif "/service/" in path:
        params = rnd.choice([{}, {"passing": ""}, {"tag": "a"}])
    twins.read(path, params)


WORK = (write_keys, read_keys, sessions, write_services, read_services)
WEIGHTS = (3, 2, 2, 3, 3)


@pytest.mark.timeout(300)
def test_the_same_requests_get_the_same_answers(twins: Twins) -> None:
    for step in range(STEPS):
        (what,) = twins.random.choices(WORK, WEIGHTS)
        try:
            what(twins)
        except AssertionError as error:
            raise AssertionError(f"STACKLAB_SEMILLA={SEED}, paso {step}: {error}") from error
