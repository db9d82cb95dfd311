"""Lo que el flujo B declara, además de lo que declaran todos."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from scenarios.catalog import SERVICES
from scenarios.flows import FLOWS
from scenarios.flujo_b import keys, rotation
from scenarios.flujo_b.secrets import GRANTS
from scenarios.seeds import SECRETS
from scenarios.services import analytics, auth

FLOW = FLOWS["flujo-b"]
HERE = Path(__file__).parents[2]
FOLDER = HERE / "scenarios" / "flujo_b"


def test_the_key_that_signs_is_the_one_kong_knows() -> None:
    """Los mismos nombres en Auth, en Vault y en Kong: si uno cambia, nadie entra."""
    text = (FOLDER / "kong.yaml").read_text("utf-8")
    (consumer,) = yaml.safe_load(text)["consumers"]
    assert consumer["username"] == rotation.CONSUMER
    (credential,) = consumer["jwt_secrets"]
    assert credential == {"key": f"{auth.KEY_NAME}1", "algorithm": "HS256", "secret": "${JWT_SECRET}"}
    assert (auth.KEY, auth.KEY_NAME) == (keys.SECRET, keys.NAME)
    assert {one.path: one.values for one in SECRETS}[auth.KEY] == {"key": "JWT_SECRET"}
    (grant,) = GRANTS
    assert (grant.microservice, grant.reads, grant.writes) == ("auth", (auth.KEY, auth.DATABASE_SECRET), ())


def test_auth_carries_no_credential_but_its_own() -> None:
    for name, allowed in {"auth": {"AUTH_VAULT_SECRET_ID", "STEP_SECRET"}, "analytics": {"STEP_SECRET"}}.items():
        service = next(one for one in SERVICES if one.name == name)
        assert service.embedded is not None
        given = " ".join(service.embedded.env.values())
        every = {one.upper() for other in SERVICES for one in other.credentials}
        assert {one for one in every if f"${{{one}}}" in given} == allowed


def test_the_panel_asks_for_metrics_that_exist() -> None:
    document = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    assert document["uid"] == FLOW.dashboard
    asked = " ".join(target["expr"] for panel in document["panels"] for target in panel.get("targets", []))
    from prometheus_client import REGISTRY

    known = {family.name for family in REGISTRY.collect()}
    assert auth.EVENT == analytics.TOPIC
    for name in ("usuarios_activos", "auth_logins", "auth_sessions", "auth_sessions_opened", "auth_events_lost",
                 "auth_sessions_closed", "auth_login_duration_seconds", "analytics_events",
                 "kafka_consumer_lag", "kafka_dead_letters"):  # fmt: skip
        assert name in known
        assert name in asked
