"""Lo que se leyó en cada imagen oficial y una prueba sin ella puede sostener (docs/docker.md lo cuenta)."""

from __future__ import annotations

import json
import re
from itertools import chain
from pathlib import Path

import pytest
import yaml

from stack.catalog import SERVICES
from stack.containers.images import load
from stack.grafana.service import GRAFANA
from stack.model import Container, Service

OFFICIAL = {service.name: (service, service.container) for service in SERVICES if service.container is not None}
FLOWS = Path(__file__).parents[3] / "scenarios"


def container(name: str) -> Container:
    return OFFICIAL[name][1]


@pytest.mark.parametrize(("service", "data"), OFFICIAL.values(), ids=OFFICIAL)
def test_no_secret_is_in_a_command_that_others_can_see(service: Service, data: Container) -> None:
    secrets = {f"${{{name.upper()}}}" for name in service.credentials}
    assert not [word for word in data.argv if any(secret in word for secret in secrets)]


@pytest.mark.parametrize(("service", "data"), OFFICIAL.values(), ids=OFFICIAL)
def test_the_ceiling_is_above_what_it_usually_takes(service: Service, data: Container) -> None:
    assert data.memory_mb > load()[data.image].memory_mb


def test_vault_is_called_by_its_name() -> None:
    """Con «server», la imagen pasaría el token maestro de la variable a la orden."""
    shell, option, command = container("vault").argv
    assert (shell, option) == ("sh", "-c")
    assert re.match(r"exec vault server -dev .*>/dev/null$", command)
    assert container("vault").env["VAULT_DEV_ROOT_TOKEN_ID"] == "${VAULT_TOKEN}"


def test_consul_can_stop_being_root() -> None:
    """Con esta variable, aunque esté vacía, la imagen se salta también el cambio de usuario."""
    assert "CONSUL_DISABLE_PERM_MGMT" not in container("consul").env
    assert container("consul").argv[0] == "agent", "sin «agent» delante tampoco cambia de usuario"


def test_kong_does_not_ask_outside_for_names_of_its_network() -> None:
    order = container("kong").env["KONG_DNS_ORDER"].split(",")
    assert "A" in order
    assert "SRV" not in order


def disabled_plugins() -> set[str]:
    return set(container("grafana").env["GF_PLUGINS_DISABLE_PLUGINS"].split(","))


def test_grafana_keeps_the_data_sources_it_is_given() -> None:
    sources = [
        entry
        for file in GRAFANA.config
        if file.target.startswith("provisioning/datasources/")
        for source in file.sources
        for entry in yaml.safe_load(source.read_text("utf-8"))["datasources"]
    ]
    assert {entry["type"] for entry in sources} == {"prometheus", "jaeger"}
    assert disabled_plugins().isdisjoint(entry["type"] for entry in sources)


def test_grafana_downloads_no_plugins_over_the_ones_it_carries() -> None:
    """Con esto apagado usa los que lleva la imagen; encendido, los cambia al arrancar por otros de Internet."""
    assert container("grafana").env["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    assert len(disabled_plugins()) == 16


def test_no_dashboard_is_read_more_often_than_grafana_allows() -> None:
    """Por debajo de `min_refresh_interval` (5s de fábrica), Grafana cambia el tablero que se le da."""
    ours = (source for file in GRAFANA.config for source in file.sources if file.target.startswith("dashboards/"))
    found = [
        json.loads(path.read_text("utf-8"))["refresh"] for path in chain(ours, FLOWS.glob("*/dashboard.json"))
    ]
    assert len(found) >= 5
    assert all(int(every.removesuffix("s")) >= 5 for every in found if every), found


def test_mailpit_listens_where_its_own_health_check_asks() -> None:
    env = container("mailbox").env
    assert env["MP_UI_BIND_ADDR"] == "${LISTEN_HOST}:${LISTEN_HTTP_PORT}"
    assert not [word for word in container("mailbox").argv if word.startswith(("--listen", "--smtp="))]


def test_kafka_says_everything_because_one_variable_forgets_the_rest() -> None:
    """Sin votantes, la 4 exige decir cómo se formatea; sin CLUSTER_ID no abriría sus datos la segunda vez."""
    env = container("kafka").env
    needed = {
        *(
            "CLUSTER_ID",
            "KAFKA_NODE_ID",
            "KAFKA_PROCESS_ROLES",
            "KAFKA_CONTROLLER_QUORUM_VOTERS",
            "KAFKA_LISTENERS",
        ),
        *("KAFKA_CONTROLLER_LISTENER_NAMES", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "KAFKA_ADVERTISED_LISTENERS"),
    }
    assert needed <= set(env)
    assert env["KAFKA_LOG_DIRS"] == container("kafka").volume
