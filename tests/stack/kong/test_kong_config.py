"""Qué `kong.yaml` se acepta, cuál se rechaza y cómo se cuenta por qué."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.kong.embedded import declarative, explain
from stack.kong.embedded.declarative import InvalidConfig
from tests.support.running import free_port


def document(**parts: Any) -> dict[str, Any]:
    return {"_format_version": "3.0"} | parts


def service(**fields: Any) -> dict[str, Any]:
    return {"name": "svc", "url": "http://127.0.0.1:1"} | fields


def parsed(**parts: Any) -> declarative.Config:
    return declarative.parse(yaml.safe_dump(document(**parts)))


def problems(**parts: Any) -> dict[str, str]:
    with pytest.raises(InvalidConfig) as caught:
        parsed(**parts)
    return dict(explain.leaves(caught.value.problem))


@pytest.mark.parametrize(
    ("parts", "path", "message"),
    [
        ({"servicios": []}, "servicios", "unknown field"),
        ({"services": [service(colour=1)]}, "services[1].colour", "unknown field"),
        (
            {"services": [service(routes=[{"paths": ["x"]}])]},
            "services[1].routes[1].paths[1]",
            "should start with",
        ),
        ({"services": [service(routes=[{"name": "r"}])]}, "services[1].routes[1]", "must set one of"),
        ({"services": [{"name": "sin-host"}]}, "services[1].host", "required field missing"),
        ({"services": [service(retries="5")]}, "services[1].retries", "expected an integer"),
        ({"services": [service(connect_timeout=0)]}, "services[1].connect_timeout", "value should be between"),
        ({"services": [{"url": "grpc://x:1"}]}, "services[1].protocol", "este suplente no lo cubre"),
        ({"upstreams": [{"name": "u"}]}, "upstreams", "este suplente no lo cubre"),
        ({"plugins": [{"name": "jwtt"}]}, "plugins[1].name", "plugin 'jwtt' not enabled"),
        ({"plugins": [{"name": "oauth2"}]}, "plugins[1].name", "este suplente no lo cubre"),
        ({"plugins": [{"name": "jwt", "config": {"claims": []}}]}, "plugins[1].config.claims", "unknown field"),
        ({"plugins": [{"name": "rate-limiting"}]}, "plugins[1]", "at least one of these fields must be non-empty"),
        ({"plugins": [{"name": "rate-limiting", "config": {"minute": 0}}]}, "plugins[1].config.minute", "greater"),
        (
            {"plugins": [{"name": "rate-limiting", "config": {"minute": 9, "hour": 3}}]},
            "plugins[1]",
            "The limit for hour(3.0) cannot be lower than the limit for minute(9.0)",
        ),
        (
            {"plugins": [{"name": "rate-limiting", "config": {"minute": 1, "policy": "redis"}}]},
            "plugins[1].config.policy",
            "este suplente no lo cubre",
        ),
        ({"plugins": [{"name": "file-log"}]}, "plugins[1].config.path", "required field missing"),
        ({"plugins": [{"name": "jwt", "service": "nadie"}]}, "plugins[1]", "invalid reference 'service: nadie'"),
        ({"consumers": [{"tags": []}]}, "consumers[1]", "at least one of these fields must be non-empty"),
        (
            {"consumers": [{"username": "a", "jwt_secrets": [{"algorithm": "RS256"}]}]},
            "consumers[1].jwt_secrets[1]",
            "rsa_public_key: required field missing",
        ),
        ({"services": [service(), service()]}, "services[2]", "uniqueness violation"),
        ({"_format_version": "1.1"}, "_format_version", "este suplente no lo cubre"),
    ],
)
def test_lo_que_se_rechaza_dice_donde(parts: dict[str, Any], path: str, message: str) -> None:
    found = problems(**parts)
    assert list(found) == [path]
    assert message in found[path]


def test_el_informe_trae_las_lineas_de_kong_y_una_explicacion() -> None:
    with pytest.raises(InvalidConfig) as caught:
        parsed(services=[service(routes=[{"paths": ["/x"], "strip_pat": True}])])
    assert explain.report(caught.value, "kong.yaml").splitlines() == [
        "Error: error parsing declarative config file kong.yaml:",
        "in 'services':",
        "  - in entry 1 of 'services':",
        "    in 'routes':",
        "      - in entry 1 of 'routes':",
        "        in 'strip_pat': unknown field",
        "",
        "services[1].routes[1].strip_pat: Kong no conoce este campo. ¿Querías decir «strip_path»?",
    ]


def test_un_yaml_roto_tambien_se_explica() -> None:
    with pytest.raises(InvalidConfig, match="failed parsing declarative configuration"):
        declarative.parse("services: [")


@pytest.mark.parametrize("text", ["services:\n- name: svc\n  colour: 1\n", "no es un mapa"])
def test_el_programa_no_arranca_con_una_configuracion_mala(tmp_path: Path, text: str) -> None:
    (tmp_path / "kong.yaml").write_text(text, "utf-8")
    ports = {f"STACKLAB_PORT_{name}": str(free_port()) for name in ("PROXY", "ADMIN", "STATUS")}
    env = os.environ | ports | {"STACKLAB_CONFIG_DIR": str(tmp_path), "STACKLAB_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "stack.kong.embedded"],
        env=env,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error parsing declarative config file" in done.stderr
    assert "Traceback" not in done.stderr


def test_anidado_y_suelto_es_lo_mismo() -> None:
    nested = parsed(
        services=[service(routes=[{"name": "r", "paths": ["/x"], "plugins": [{"name": "cors"}]}])],
        consumers=[{"username": "ana", "acls": [{"group": "g"}]}],
    )
    loose = parsed(
        services=[service()],
        routes=[{"name": "r", "service": "svc", "paths": ["/x"]}],
        plugins=[{"name": "cors", "route": "r"}],
        consumers=[{"username": "ana"}],
        acls=[{"consumer": "ana", "group": "g"}],
    )
    assert loose.routes[0].service
    assert nested.routes[0].service == nested.services[loose.routes[0].service.id]
    assert nested.plugins[0].scope == loose.plugins[0].scope == (nested.routes[0].id, None, None)
    assert (
        [c.groups for c in nested.consumers.values()] == [c.groups for c in loose.consumers.values()] == [("g",)]
    )


def test_los_identificadores_salen_del_nombre_como_en_kong() -> None:
    config = parsed(
        services=[service(name="my-service", routes=[{"name": "my-route", "paths": ["/"]}])],
        consumers=[{"username": "my-user"}],
    )
    # Los que da Kong a estos mismos nombres (están en sus propias pruebas de la Admin API sin base de datos).
    assert list(config.entities["services"]) == ["0855b320-0dd2-547d-891d-601e9b38647f"]
    assert list(config.entities["routes"]) == ["481a9539-f49c-51b6-b2e2-fe99ee68866c"]
    assert list(config.entities["consumers"]) == ["4b1b701d-de2b-5588-9aa2-3b97061d9f52"]


def test_el_atajo_url() -> None:
    found = next(iter(parsed(services=[{"url": "http://tienda.es/api"}]).services.values()))
    assert (found.host, found.port, found.path) == ("tienda.es", 80, "/api")
    assert found.entity["protocol"] == "http"


def test_sin_entidades_la_configuracion_esta_vacia() -> None:
    assert parsed().empty
    assert parsed().hash == "0" * 32
    assert not parsed(consumers=[{"username": "a"}]).empty


def test_un_servicio_apagado_se_lleva_sus_rutas() -> None:
    config = parsed(services=[service(enabled=False, routes=[{"name": "r", "paths": ["/x"]}])])
    assert config.routes == ()
    assert len(config.entities["routes"]) == 1


@pytest.mark.parametrize(
    ("scopes", "winner"),
    [
        (["global"], "global"),
        (["global", "service"], "service"),
        (["global", "service", "route"], "route"),
        (["service", "route", "consumer"], "consumer"),
        (["consumer", "route+service"], "route+service"),
        (["route+service", "service+consumer"], "service+consumer"),
        (["service+consumer", "route+consumer"], "route+consumer"),
        (["route+consumer", "route+service+consumer"], "route+service+consumer"),
    ],
)
def test_manda_el_plugin_mas_concreto(scopes: list[str], winner: str) -> None:
    names = {"route": "r", "service": "svc", "consumer": "ana"}
    plugins = [
        {"name": "rate-limiting", "config": {"minute": 1}, "tags": [scope]}
        | {part: names[part] for part in scope.split("+") if part in names}
        for scope in scopes
    ]
    config = parsed(
        services=[service(routes=[{"name": "r", "paths": ["/"]}])],
        consumers=[{"username": "ana"}],
        plugins=plugins,
    )
    chosen = config.plugin_for("rate-limiting", config.routes[0], config.routes[0].service, config.consumer("ana"))
    assert chosen is not None
    assert chosen.entity["tags"] == [winner]


def test_un_plugin_apagado_no_cuenta() -> None:
    config = parsed(plugins=[{"name": "cors", "enabled": False}])
    assert config.plugin_for("cors", None, None, None) is None
    assert len(config.entities["plugins"]) == 1
