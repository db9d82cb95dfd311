"""La página, la guarda de Host, el arranque vacío y la despedida del suplente de Kong."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from stack.kong.embedded.admin.page import spanish
from stack.kong.service import KONG
from stack.model import ConfigFile, HttpProbe
from tests.support.running import folder, running

SECRET = "un-secreto-que-no-debe-salir-por-ninguna-parte"
CONFIG = f"""
_format_version: "3.0"
services:
  - name: tienda
    url: http://127.0.0.1:1/api
    retries: 0
    routes:
      - name: compras
        paths: [/compras]
        methods: [GET, POST]
        plugins:
          - {{name: jwt, config: {{claims_to_verify: [exp]}}}}
          - {{name: rate-limiting, config: {{minute: 12000}}}}
      - {{name: escaparate, paths: [/escaparate]}}
consumers:
  - username: ana
    jwt_secrets: [{{key: ana, secret: {SECRET}}}]
    keyauth_credentials: [{{key: {SECRET}-2}}]
    acls: [{{group: clientes}}]
"""


@pytest.fixture(scope="module")
def kong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    root: Path = tmp_path_factory.mktemp("kong")
    source = root / "fuente.yaml"
    source.write_text(CONFIG, "utf-8")
    service = dataclasses.replace(KONG, config=(ConfigFile("kong.yaml", (source,)),))
    with running("kong", root=root, overrides={"kong": service}) as env:
        yield env


def page(env: dict[str, str]) -> str:
    answer = requests.get(env["KONG_ADMIN_URL"], headers={"Accept": "text/html"}, timeout=10)
    assert answer.status_code == 200
    return answer.text


def test_la_pagina_cuenta_que_pasa_en_cada_ruta(kong: dict[str, str]) -> None:
    text = page(kong)
    assert 'lang="es"' in text
    for piece in (
        "compras",
        "/escaparate",
        "http://127.0.0.1:1/api",
        "token firmado; comprueba exp",
        "ana",
        "clientes",
    ):
        assert piece in text
    assert "deja pasar 12\u202f000 por minuto" in text
    assert text.index(">jwt<") < text.index(">rate-limiting<")


def test_la_pagina_cuenta_quien_contesto(kong: dict[str, str]) -> None:
    requests.get(f"{kong['KONG_PROXY_URL']}/compras?jwt={SECRET}", timeout=10)
    requests.get(f"{kong['KONG_PROXY_URL']}/escaparate/silla", timeout=10)
    text = page(kong)
    assert "/escaparate/silla" in text
    assert "<td>Kong</td>" in text
    assert SECRET not in text


def test_ningun_secreto_sale_por_la_admin_api(kong: dict[str, str]) -> None:
    paths = ("/", "/config", "/jwts", "/key-auths", "/consumers/ana/jwt", "/consumers/ana/key-auth", "/consumers")
    for path in paths:
        answer = requests.get(kong["KONG_ADMIN_URL"] + path, timeout=10)
        assert answer.status_code == 200
        assert SECRET not in answer.text, path
    requests.get(f"{kong['KONG_PROXY_URL']}/compras", timeout=10)
    assert SECRET not in requests.get(f"{kong['KONG_STATUS_URL']}/metrics", timeout=10).text


def test_la_admin_api_solo_atiende_a_esta_maquina_y_el_proxy_a_cualquier_host(kong: dict[str, str]) -> None:
    elsewhere = {"Host": "malo.example"}
    for url in (kong["KONG_ADMIN_URL"] + "/services", kong["KONG_STATUS_URL"] + "/metrics"):
        assert requests.get(url, headers=elsewhere, timeout=10).status_code == 403
    assert requests.get(kong["KONG_PROXY_URL"] + "/compras", headers=elsewhere, timeout=10).status_code == 401
    headers = {"Origin": "http://malo.example", "Content-Type": "application/yaml"}
    reload = requests.post(
        kong["KONG_ADMIN_URL"] + "/config", data='_format_version: "3.0"', headers=headers, timeout=10
    )
    assert reload.status_code == 403
    assert requests.get(kong["KONG_ADMIN_URL"] + "/routes", timeout=10).json()["data"]


def test_lo_que_no_imita_lo_dice(kong: dict[str, str]) -> None:
    answer = requests.get(kong["KONG_ADMIN_URL"] + "/certificates", timeout=10)
    assert answer.status_code == 501
    assert "Kong Gateway 3.9" in answer.json()["error"]
    coverage = requests.get(kong["KONG_ADMIN_URL"] + "/cobertura", timeout=10).text
    assert "no enseña los secretos" in coverage


def test_vacio_no_esta_listo_y_se_despide_pronto(tmp_path: Path) -> None:
    empty = dataclasses.replace(KONG, config=(), probe=HttpProbe("status", "/status/ready", status=503))
    with running("kong", root=tmp_path, overrides={"kong": empty}) as env:
        answer = requests.get(env["KONG_STATUS_URL"] + "/status/ready", timeout=10)
        assert answer.json() == {"message": "no configuration available (empty configuration present)"}
        assert requests.get(env["KONG_PROXY_URL"] + "/", timeout=10).status_code == 404
        process = next(c for c in psutil.Process().children() if "stack.kong.embedded" in c.cmdline())
        with requests.Session() as session:  # Con conexiones abiertas en los tres puertos.
            for name in ("PROXY", "ADMIN", "STATUS"):
                session.get(env[f"KONG_{name}_URL"] + "/", timeout=10)
            start = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(5)
            assert time.monotonic() - start < 2
    assert folder(tmp_path).log("kong").read_text("utf-8") == ""


@pytest.mark.parametrize(
    ("number", "text"),
    [(5, "5"), (1234, "1234"), (12345, "12\u202f345"), (0.5, "0,5"), (1234567, "1\u202f234\u202f567")],
)
def test_los_numeros_se_escriben_en_espanol(number: float, text: str) -> None:
    assert spanish(number) == text
