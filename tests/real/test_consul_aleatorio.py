"""El suplente de Consul y el Consul de verdad, con las mismas peticiones al azar: tienen que contestar lo mismo.

Hace falta `consul` en `STACKLAB_BIN` o en el PATH. `STACKLAB_SEMILLA` elige la tanda (`azar`, una nueva
cada vez); sin ella es siempre la misma, para que un fallo sea de quien cambió algo. Si falla se dice cuál era.

El Consul de verdad es nuevo y la prueba acaba antes de su primer minuto, que es cuando puede repasar el catálogo
entero y arreglar lo que no coincida: también lo hace el suplente, pero cada uno en un momento al azar.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from stack.consul.embedded.coverage import UNCOVERED
from tests.support.consul_generator import WORK
from tests.support.consul_twins import Twins
from tests.support.running import running

_GIVEN = os.environ.get("STACKLAB_SEMILLA", "20261124")
SEED = secrets.randbits(32) if _GIVEN == "azar" else int(_GIVEN)
STEPS, FULL_SYNC_S = 1200, 60.0
ROUTES = """
    acl/bootstrap acl/login acl/logout acl/replication acl/policies acl/policy acl/policy/ acl/policy/name/
    acl/roles acl/role acl/role/name/ acl/role/ acl/binding-rules acl/binding-rule acl/binding-rule/
    acl/auth-methods acl/auth-method acl/auth-method/ acl/tokens acl/token acl/token/self acl/token/ agent/token/
    agent/self agent/host agent/version agent/maintenance agent/reload agent/monitor agent/metrics
    agent/metrics/stream agent/services agent/service/ agent/checks agent/members agent/join/ agent/leave
    agent/force-leave/ agent/health/service/id/ agent/health/service/name/ agent/check/register
    agent/check/deregister/ agent/check/pass/ agent/check/warn/ agent/check/fail/ agent/check/update/
    agent/connect/authorize agent/connect/ca/roots agent/connect/ca/leaf/ agent/service/register
    agent/service/deregister/ agent/service/maintenance/ catalog/register catalog/connect/ catalog/deregister
    catalog/datacenters catalog/nodes catalog/services catalog/service/ catalog/node/ catalog/node-services/
    catalog/gateway-services/ config/ config connect/ca/configuration connect/ca/roots connect/intentions
    connect/intentions/match connect/intentions/check connect/intentions/exact connect/intentions/
    coordinate/datacenters coordinate/nodes coordinate/node/ coordinate/update internal/federation-states
    internal/federation-states/mesh-gateways internal/federation-state/ discovery-chain/ event/fire/ event/list
    health/node/ health/checks/ health/state/ health/service/ health/connect/ health/ingress/
    internal/ui/metrics-proxy/ internal/ui/nodes internal/ui/node/ internal/ui/services
    internal/ui/exported-services internal/ui/catalog-overview internal/ui/gateway-services-nodes/
    internal/ui/gateway-intentions/ internal/ui/service-topology/ internal/acl/authorize
    internal/service-virtual-ip kv/ operator/raft/configuration operator/raft/transfer-leader operator/raft/peer
    operator/keyring operator/usage operator/autopilot/configuration operator/autopilot/health
    operator/autopilot/state peering/token peering/establish peering/ peerings query query/ session/create
    session/destroy/ session/renew/ session/info/ session/node/ session/list status/leader status/peers snapshot
    txn
""".split()  # noqa: SIM905
"""Todas las que apunta Consul 1.16 (`agent/http_register.go`), detrás de `/v1/`."""


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STACKLAB_CONTRACT_RUNTIME", "binary")
        root = tmp_path_factory.mktemp("consul")
        with running("consul", root=root / "real") as real:
            patch.setenv("STACKLAB_CONTRACT_RUNTIME", "embedded")
            with running("consul", root=root / "suplente") as embedded:
                pair = Twins(real["CONSUL_HTTP_URL"], embedded["CONSUL_HTTP_URL"], Random(SEED))
                yield pair
                pair.close()


@pytest.mark.timeout(300)
def test_the_same_requests_get_the_same_answers(twins: Twins, capsys: pytest.CaptureFixture[str]) -> None:
    began, done = time.monotonic(), Counter[str]()
    for step in range(STEPS):
        if time.monotonic() - began > FULL_SYNC_S - 10:
            assert step > STEPS / 4, f"solo {step} pasos en {FULL_SYNC_S - 10:.0f} s"
            break
        (what,) = twins.random.choices(list(WORK), list(WORK.values()))
        done[what.__name__] += 1
        try:
            what(twins)
        except AssertionError as error:
            raise AssertionError(f"STACKLAB_SEMILLA={SEED}, paso {step}: {error}") from error
    with capsys.disabled():
        print(f"\nConsul: {done.total()} pasos ({dict(done)}) · semilla {SEED}")


@pytest.mark.parametrize("path", ROUTES)
def test_each_route_of_consul_is_there_or_says_it_is_not_covered(twins: Twins, path: str) -> None:
    theirs, ours = twins.send("OPTIONS", path)
    assert theirs.status_code == 200, theirs.text
    if path.startswith(UNCOVERED):
        assert ours.status_code == 501
    else:
        assert (ours.status_code, ours.headers["Allow"]) == (200, theirs.headers["Allow"])


def test_nothing_is_said_not_to_be_covered_that_consul_does_not_have() -> None:
    assert [one for one in UNCOVERED if not any(path.startswith(one) for path in ROUTES)] == []
