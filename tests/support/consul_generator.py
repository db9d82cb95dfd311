"""Peticiones al azar para Consul: lo que mandan los programas, y de vez en cuando algo que no vale.

Cada función elige con el azar de los gemelos una petición, se la manda a los dos y exige que contesten lo mismo.
Las comprobaciones son todas de TTL y de diez minutos: nadie las mira durante la prueba, así que no cambian solas.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from tests.support.consul_twins import Twins

KEYS = ["a", "b", "a/1", "a/2", "a/2/x", "é", "con espacio", "A", "a//2"]
PREFIXES = ["", "a", "a/", "a/2", "zz"]
NAMES = {"w1": "web", "w2": "web", "p1": "api"}
"""Cada instancia, casi siempre del mismo servicio."""
CHECKS = ["c0", "c1", "c2"]
STATES = ["passing", "warning", "critical"]
WATCH_S = 0.3


# --- Claves


def write_keys(twins: Twins) -> None:
    """Escribe, borra, toma o suelta un cerrojo."""
    rnd, key = twins.random, twins.random.choice(KEYS)
    value = rnd.choice(["", "x", "yy", "ñ<&>", "\0"]).encode()
    known = twins.modified.get(key, (0, 0)) if rnd.random() < 0.7 else rnd.choice([(0, 0), (1, 1)])
    match rnd.choice(["put", "put", "cas", "acquire", "acquire", "release", "delete", "delete-cas", "tree"]):
        case "put":
            twins.write("PUT", f"kv/{key}", params={"flags": rnd.choice([0, 0, 3, 2**64 - 1])}, data=value)
        case "cas":
            twins.write("PUT", f"kv/{key}", pair=[{"cas": one} for one in known], data=value)
        case "delete":
            twins.write("DELETE", f"kv/{key}")
        case "delete-cas":
            twins.write("DELETE", f"kv/{key}", pair=[{"cas": one} for one in known])
        case "tree":
            twins.write("DELETE", f"kv/{rnd.choice(['a/', 'a/2', 'b', ''])}", params={"recurse": ""})
        case lock:
            flags = {"flags": 5} if rnd.random() < 0.2 else {}
            twins.write("PUT", f"kv/{key}", pair=[{lock: one} | flags for one in twins.session()], data=value)


def a_key_question(rnd: Random) -> tuple[str, dict[str, Any]]:
    """Una clave, un prefijo entero o solo sus nombres."""
    prefix = rnd.choice(PREFIXES)
    match rnd.randrange(5):
        case 0:
            return f"kv/{prefix}", {"recurse": ""}
        case 1:
            return f"kv/{prefix}", {"keys": ""} | ({"separator": rnd.choice("/2")} if rnd.random() < 0.5 else {})
        case 2:
            return f"kv/{rnd.choice(KEYS)}", {"raw": ""}
        case _:
            return f"kv/{rnd.choice(KEYS)}", {}


def read_keys(twins: Twins) -> None:
    """Una pregunta sobre claves; de una sola, se apunta su índice para escribir después con él."""
    path, params = a_key_question(twins.random)
    both = twins.read(path, params)
    if not params and both[0].status_code == 200:
        first, second = (one.json()[0]["ModifyIndex"] for one in both)
        twins.modified[path.removeprefix("kv/")] = first, second


# --- Sesiones


def a_session(rnd: Random) -> dict[str, Any]:
    """Lo que se manda al crear una sesión; a veces no vale."""
    body: dict[str, Any] = {"LockDelay": rnd.choice(["0s", "0s", "0s", "1h", 0, 30])}
    for field, values in {
        "Name": ["s", ""],
        "Node": ["lab", "LAB", "otro", ""],
        "Behavior": ["delete", "release", "otro", ""],
        "TTL": ["10m", "1h", "1ms", "x", "0s", "", "25h"],
    }.items():
        if rnd.random() < 0.25:
            body[field] = rnd.choice(values)
    if rnd.random() < 0.4:
        tied = [[], ["serfHealth"], ["serfHealth", rnd.choice(CHECKS)], [rnd.choice(CHECKS)]]
        body[rnd.choice(["Checks", "NodeChecks"])] = rnd.choice(tied)
    if rnd.random() < 0.3:
        body["ServiceChecks"] = [{"ID": f"service:{rnd.choice(list(NAMES))}"}]
    return body


def create_session(twins: Twins, body: bytes) -> None:
    """Crea una sesión, y se apunta la pareja, o no vale y se niegan los dos."""
    both = twins.send("PUT", "session/create", data=body)
    if [one.status_code for one in both] == [200, 200]:
        twins.sessions.append((both[0].json()["ID"], both[1].json()["ID"]))
    twins.require_same(both, body)


def sessions(twins: Twins) -> None:
    """Una operación con sesiones."""
    rnd, pair = twins.random, twins.session()
    match rnd.choice(["create", "create", "info", "destroy", "renew", "renew", "list", "node"]):
        case "create":
            create_session(twins, json.dumps(a_session(rnd)).encode())
        case "list":
            twins.read("session/list")
        case "node":
            twins.read(f"session/node/{rnd.choice(['lab', 'LAB', 'otro'])}")
        case "info":
            twins.read((f"session/info/{pair[0]}", f"session/info/{pair[1]}"))
        case verb:
            twins.write("PUT", (f"session/{verb}/{pair[0]}", f"session/{verb}/{pair[1]}"))


# --- Servicios y comprobaciones


def a_check(rnd: Random) -> dict[str, Any]:
    """Una comprobación que nadie va a mirar durante la prueba."""
    chosen: dict[str, Any] = {"TTL": "10m"}
    for field, values in {
        "Status": STATES,
        "Notes": ["n"],
        "Name": ["nombre"],
        "Timeout": ["5s"],
        # Nunca a mitad de una letra: por gRPC no va lo que no es UTF-8, y Consul deja a medias las esperas.
        "OutputMaxSize": [2, 5000],
    }.items():
        if rnd.random() < 0.3:
            chosen[field] = rnd.choice(values)
    return chosen


def a_service(rnd: Random, instance: str) -> dict[str, Any]:
    """Lo que se manda al dar de alta `instance`; a veces no vale, y entonces se niegan los dos."""
    body: dict[str, Any] = {"Name": NAMES[instance], "ID": instance}
    if rnd.random() < 0.15:
        body["Name"] = rnd.choice(["web", "api", "Web"])
    for field, values in {
        "Port": [1, 2, 0],
        "Tags": [["a"], ["A", "b"], ["a", "a"], [], None],
        "Meta": [{"k": "v"}, {}, None],
        "Address": ["10.0.0.1", "host", "", "::1"],
        "Weights": [{"Passing": 0, "Warning": 1}, {"Passing": 2, "Warning": 1}, {"Passing": 1}],
        "TaggedAddresses": [{"lan": {"Address": "10.0.0.2", "Port": 3}}, {}],
        "EnableTagOverride": [True, False],
        "Check": [a_check(rnd)],
        "Checks": [[a_check(rnd)], [a_check(rnd), a_check(rnd)], []],
    }.items():
        if rnd.random() < 0.3:
            body[field] = rnd.choice(values)
    return body


def write_services(twins: Twins, *, at_once: bool = False) -> None:
    """Da de alta o de baja, da noticias, o pone en mantenimiento; `at_once`, de una sola escritura."""
    rnd, instance = twins.random, twins.random.choice(list(NAMES))
    check = rnd.choice([*CHECKS, f"service:{instance}", f"service:{instance}:1", f"service:{instance}:2"])
    what = ["alta", "alta", "alta", "baja", "noticia", "noticia", "parte", "mantenimiento", "suelta", "quita"]
    match rnd.choice(what):
        case "alta":
            body = a_service(rnd, instance)
            if at_once:
                body.pop("Checks", None)  # de una instancia que no cambia, cada comprobación se escribe aparte
            only_these = {"replace-existing-checks": "true"} if not at_once and rnd.random() < 0.2 else None
            twins.write("PUT", "agent/service/register", params=only_these, json=body)
        case "baja":
            twins.write("PUT", f"agent/service/deregister/{instance}")
        case "noticia":
            path = f"agent/check/{rnd.choice(['pass', 'warn', 'fail'])}/{check}"
            twins.write("PUT", path, params={"note": rnd.choice(["", "n", "m"])})
        case "parte":
            body = {"Status": rnd.choice([*STATES, "maintenance"]), "Output": rnd.choice(["", "n", "ñ" * 9])}
            twins.write("PUT", f"agent/check/update/{check}", json=body)
        case "mantenimiento":
            params = {"enable": rnd.choice(["true", "false", "0", "T"]), "reason": rnd.choice(["", "r"])}
            path = "agent/maintenance" if rnd.random() < 0.2 else f"agent/service/maintenance/{instance}"
            twins.write("PUT", path, params=params)
        case "suelta":
            owner = {"ServiceID": rnd.choice(list(NAMES))} if rnd.random() < 0.6 else {}
            body = {"Name": "suelta", **a_check(rnd), "ID": rnd.choice(CHECKS), **owner}
            twins.write("PUT", "agent/check/register", json=body)
        case _:
            twins.write("PUT", f"agent/check/deregister/{check}")


def a_catalog_question(rnd: Random) -> tuple[str, dict[str, Any]]:
    """Una pregunta al catálogo o por la salud: las que admiten esperas largas."""
    name = rnd.choice(["web", "web", "api", "WEB", "nadie"])
    path = rnd.choice(
        [
            "catalog/nodes",
            "catalog/services",
            f"catalog/service/{name}",
            "catalog/node/lab",
            f"health/service/{name}",
            f"health/service/{name}",
            f"health/checks/{name}",
            f"health/state/{rnd.choice(['any', *STATES])}",
            f"health/node/{rnd.choice(['lab', 'otro'])}",
        ]
    )
    params: dict[str, Any] = {}
    if "/service/" in path:
        params |= rnd.choice([{}, {}, {"passing": ""}, {"tag": "a"}, {"tag": ["a", "B"]}, {"passing": "false"}])
    if path.startswith("catalog/") and rnd.random() < 0.2:
        params |= rnd.choice([{"node-meta": "consul-network-segment:"}, {"node-meta": "a:b"}])
    return path, params | rnd.choice([{}, {}, {}, {"stale": ""}, {"consistent": ""}, {"dc": "dc1"}])


def read_catalog(twins: Twins) -> None:
    """Pregunta al catálogo o por la salud."""
    twins.read(*a_catalog_question(twins.random))


def read_agent(twins: Twins) -> None:
    """Pregunta al agente."""
    rnd = twins.random
    instance, name = rnd.choice([*NAMES.items(), ("nadie", "nadie")])
    path = rnd.choice(
        [
            "agent/services",
            "agent/checks",
            "catalog/datacenters",
            f"agent/service/{instance}",
            f"agent/health/service/id/{instance}",
            f"agent/health/service/name/{name}",
        ]
    )
    params = {"format": "text"} if path.startswith("agent/health") and rnd.random() < 0.5 else {}
    twins.read(path, params)


# --- Esperas largas


def watch(twins: Twins) -> None:
    """Espera un cambio mientras pasa algo que puede serlo o no."""
    rnd = twins.random
    about_keys = rnd.random() < 0.5
    path, params = a_key_question(rnd) if about_keys else a_catalog_question(rnd)
    # De una sola escritura: quien espera despierta con la primera, y lo que ve entonces depende de lo que tarde.
    services = partial(write_services, at_once=True)
    meanwhile: Callable[[Twins], None] = rnd.choice([write_keys, sessions] if about_keys else [services])
    twins.watch(path, params, WATCH_S, lambda: meanwhile(twins))


# --- Lo que no vale

_BROKEN_BODIES: list[Any] = [
    "", "{", "[]", "nada", '"x"', "null", "{}", '{"Name": }', '{"Name": 1}', '{"Name": "x", "Tags": "a"}',
    '{"Name": "x", "Nope": 1}', '{"Name": "x", "Port": "1"}', '{"Name": "x", "Port": true}',
    '{"Name": "x", "Meta": []}', '{"Name": "x", "Meta": {"k": 1}}', '{"Name": "x", "Meta": {"": "v"}}',
    '{"Name": "x", "Meta": {"consul-k": "v"}}', '{"Name": "x", "Meta": {"a b": "v"}}',
    '{"Name": "x", "Weights": {"Passing": 1, "Warning": -1}}', '{"Name": "x", "Weights": {"Passing": 70000}}',
    '{"Name": "x", "Address": "0.0.0.0"}', '{"Name": "x", "Address": "::"}', '{"Name": "x", "Check": []}',
    '{"Name": "x", "Check": {"TTL": "x"}}', '{"Name": "x", "Check": {"TTL": "-1s"}}',
    '{"Name": "x", "Check": {"TTL": "1m", "Interval": "1m"}}', '{"Name": "x", "Check": {"HTTP": "http://h"}}',
    '{"Name": "x", "Check": {"TTL": "1m", "Status": "mal"}}', '{"Name": "x", "Checks": {}}',
    '{"Name": "x", "Check": {"TTL": "1m", "FailuresBeforeWarning": 2}}', '{"Name": "x", "Check": {"Nope": 1}}',
    '{"Name": "x", "Check": {"Args": ["ls"], "Interval": "1m"}}', '{"Name": "x", "TTL": "1m", "Status": "mal"}',
    '{"Name": "x", "Check": {"TTL": "1m", "OutputMaxSize": -1}}', '{"Name": "x", "TTL": "1m", "ServiceID": "y"}',
    '{"LockDelay": "x"}', '{"LockDelay": true}', '{"TTL": 5}', '{"Status": "mal"}', '{"Status": 3}',
]  # fmt: skip
_BROKEN_REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "kv/", {}), ("GET", "kv/a", {"index": "x"}), ("GET", "kv/a", {"index": "-1"}),
    ("GET", "kv/a", {"wait": "x"}), ("GET", "kv/a", {"dc": "dc2"}), ("GET", "kv/a", {"ns": "n"}),
    ("GET", "kv/a", {"stale": "", "consistent": ""}), ("PUT", "kv/", {}), ("PUT", "kv/a", {"flags": "x"}),
    ("PUT", "kv/a", {"cas": "x"}), ("PUT", "kv/a", {"cas": "0", "acquire": "s"}), ("PUT", "kv/a", {"acquire": ""}),
    ("PUT", "kv/a", {"release": ""}), ("PUT", "kv/a", {"acquire": "s"}), ("PUT", "kv/a", {"release": "s"}),
    ("PUT", "kv/a", {"flags": str(2**64)}), ("DELETE", "kv/", {}), ("DELETE", "kv/a", {"cas": "x"}),
    ("DELETE", "kv/a", {"recurse": "", "cas": "1"}), ("POST", "kv/a", {}), ("GET", "agent/service/register", {}),
    ("GET", "agent/service/nadie", {}), ("DELETE", "agent/services", {}), ("OPTIONS", "agent/services", {}),
    ("OPTIONS", "kv/a", {}), ("PUT", "catalog/services", {}), ("GET", "catalog/service/", {}),
    ("GET", "catalog/node/", {}), ("GET", "catalog/node/otro", {}), ("GET", "health/service/", {}),
    ("GET", "health/checks/", {}), ("GET", "health/state/", {}), ("GET", "health/state/otro", {}),
    ("GET", "health/node/", {}), ("GET", "health/service/web", {"passing": "x"}), ("GET", "session/info/", {}),
    ("GET", "session/node/", {}), ("PUT", "session/renew/", {}), ("PUT", "session/destroy/", {}),
    ("GET", "session/create", {}), ("PUT", "agent/maintenance", {}), ("PUT", "agent/maintenance", {"enable": "x"}),
    ("PUT", "agent/service/maintenance/", {"enable": "1"}), ("PUT", "agent/service/maintenance/w1", {}),
    ("PUT", "agent/service/maintenance/nadie", {"enable": "1"}), ("GET", "agent/health/service/id/", {}),
    ("GET", "agent/health/service/name/", {}), ("GET", "nada", {}), ("GET", "", {}), ("GET", "kv", {}),
    ("GET", "agent/service", {}), ("GET", "catalog//services", {}), ("GET", "status/peer", {}),
    ("PUT", "agent/check/pass/", {}), ("PUT", "agent/service/deregister/", {}), ("POST", "session/create", {}),
    ("GET", "catalog/services", {"dc": "dc2"}), ("GET", "session/list", {"partition": "p"}),
]  # fmt: skip


def broken(twins: Twins) -> None:
    """Algo que no vale: se niegan los dos, con las mismas palabras."""
    rnd = twins.random
    if rnd.random() < 0.5:
        method, path, params = rnd.choice(_BROKEN_REQUESTS)
        twins.write(method, path, params=params)
    else:
        path = rnd.choice(
            ["agent/service/register", "agent/check/register", "session/create", "agent/check/update/c0"]
        )
        body = rnd.choice(_BROKEN_BODIES)
        if path == "session/create":
            create_session(twins, body.encode())
        else:
            twins.write("PUT", path, data=body.encode())
    if path.startswith("agent/"):
        twins.write("PUT", "agent/service/deregister/x")
        twins.write("PUT", "agent/check/deregister/x")


WORK = {
    write_keys: 30,
    read_keys: 20,
    sessions: 20,
    write_services: 34,
    read_catalog: 26,
    read_agent: 10,
    watch: 3,
    broken: 10,
}
"""Lo que se puede hacer, y cuántas veces de cada tantas."""
