"""`docs/verificado.md` dice lo que se vio: qué se cumplió y quién contestaba."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stack.catalog import SERVICES
from stack.model import Fidelity, Kind
from stack.status import Running
from tests import verificado
from tests.support.answered import replaced
from tests.support.running import running

XML = """<testsuites><testsuite><properties>
<property name="answered.consul" value="{consul}"/><property name="answered.redis" value="Redis 7.0.15 · binary"/>
</properties>
<testcase classname="tests.contract.test_consul_kv" name="test_a"/>
<testcase classname="tests.contract.test_consul_kv" name="test_b[1]"/>
<testcase classname="tests.contract.test_consul_kv" name="test_b[2]">{second}</testcase>
<testcase classname="tests.contract.test_redis" name="test_c"/>
<testcase classname="tests.real.test_consul_aleatorio" name="test_d"/>
</testsuite></testsuites>"""

Page = Callable[..., str]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    def made(consul: str = "Consul 1.16.2 · binary", second: str = "", without: str = "") -> str:
        path = tmp_path / "binary.xml"
        text = XML.format(consul=consul, second=second)
        path.write_text(
            "\n".join(line for line in text.splitlines() if not without or without not in line), "utf-8"
        )
        return verificado.page({"binary": verificado.read(path)})

    return made


def test_the_page_says_who_answered_and_what_it_is_worth(page: Page) -> None:
    text = page()
    assert "| [consul](#consul) | no se ha probado | 2 de 2<br>Consul 1.16.2 · programa real |" in text
    assert verificado.answering(text)["redis", "Programas reales"] == "Redis 7.0.15 · programa real"


def test_the_same_results_are_fine(page: Page) -> None:
    assert verificado.check(page(), page()) == 0


@pytest.mark.parametrize(
    ("today", "why"),
    [
        ({"consul": "suplente de stacklab · embedded"}, "hoy, «suplente de stacklab · embebido»"),
        ({"consul": "Consul 1.16.2 · embedded"}, "hoy, «Consul 1.16.2 · embebido»"),
        ({"consul": "Consul 1.16.2 · binary; suplente de stacklab · embedded"}, "embebido»"),
        ({"second": "<failure/>"}, "la página dice «✔»; hoy, «✘»"),
        ({"second": '<skipped message="x"/>'}, "la página dice «✔»; hoy, «✔ en parte»"),
        ({"without": 'name="test_a"'}, "la página dice «✔»; hoy, «ya no existe»"),
        ({"without": "test_redis"}, "redis"),
    ],
)
def test_what_is_not_so_today_is_refused(
    page: Page, today: dict[str, str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verificado.check(page(**today), page()) == 1
    assert why in capsys.readouterr().out


def test_half_a_promise_is_a_promise(page: Page) -> None:
    half = page(second='<skipped message="x"/>')
    assert verificado.check(page(second="<failure/>"), half) == 1
    assert verificado.check(page(), half) == 0


def test_another_version_is_only_shown(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    assert verificado.check(page(consul="Consul 1.20.0 · binary"), page()) == 0
    assert "hoy, «Consul 1.20.0 · programa real»" in capsys.readouterr().out


def _running(name: str, fidelity: Fidelity) -> Running:
    return Running(name, name, Kind.SERVICE, "binary", fidelity, "lo que sea", "", 1, True, 0.1)


def test_a_stand_in_does_not_pass_for_a_real_program() -> None:
    catalog = {service.name: service for service in SERVICES}
    started = [
        _running("mailbox", Fidelity.EMBEDDED),
        _running("redis", Fidelity.BINARY),
        # De estos dos no hay programa: su suplente es lo que se espera.
        _running("kong", Fidelity.EMBEDDED),
        _running("grafana", Fidelity.EMBEDDED),
    ]
    assert replaced(started, catalog) == ["por mailbox contesta lo que sea y no el programa real"]


def test_a_contract_with_real_programs_fails_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKLAB_CONTRACT_RUNTIME", "binary")
    monkeypatch.setenv("STACKLAB_BIN", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(AssertionError, match="por mailbox contesta suplente de stacklab y no el programa real"),
        running("mailbox", root=tmp_path / "casa"),
    ):
        pytest.fail("el contrato se ha dado por bueno con el suplente")


def test_what_a_line_does_not_prove_is_said(tmp_path: Path) -> None:
    path = tmp_path / "binary.xml"
    case = '<testcase classname="tests.contract.test_minio" name="test_lifecycle_rule_is_stored_and_read_back"/>'
    path.write_text(f"<testsuites><testsuite>{case}</testsuite></testsuites>", "utf-8")
    assert "**No** se ha visto caducar nada" in verificado.page({"binary": verificado.read(path)})
