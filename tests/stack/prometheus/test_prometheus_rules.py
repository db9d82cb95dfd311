"""Las reglas: guardar el resultado de una consulta, y avisar cuando contesta durante un tiempo."""

from __future__ import annotations

from typing import Any

import pytest

from stack.prometheus.embedded import responses
from stack.prometheus.embedded.evaluation import Watched, evaluate
from stack.prometheus.embedded.fields import ConfigProblem
from stack.prometheus.embedded.promql import Vector, query
from stack.prometheus.embedded.rules import read_groups
from stack.prometheus.embedded.storage import Storage


def watched(**rule: Any) -> Watched:
    (group,) = read_groups({"groups": [{"name": "g", "rules": [rule]}]}, "r.yml", 1)
    return Watched(group.rules[0])


def found(storage: Storage, text: str, at_s: float) -> list[tuple[dict[str, str], float]]:
    value = query(text, storage, int(at_s * 1000))
    assert isinstance(value, Vector)
    return [(one.labels, one.value) for one in value.samples]


def test_a_recording_rule_writes_and_stops_writing() -> None:
    storage, one = Storage(), watched(record="t:m:sum", expr="sum by (k) (m)", labels={"de": "regla"})
    storage.append({"__name__": "m", "k": "x"}, 0, 5)
    evaluate(one, storage, 1)
    assert found(storage, "t:m:sum", 1) == [({"__name__": "t:m:sum", "k": "x", "de": "regla"}, 5)]
    evaluate(one, storage, 400)
    assert found(storage, "t:m:sum", 400) == []
    assert (one.health, one.state) == ("ok", "inactive")


def test_an_alert_waits_then_fires_then_calms_down() -> None:
    storage = Storage()
    one = watched(
        alert="Caído",
        expr="up == 0",
        labels={"severity": "grave"},
        annotations={"summary": "{{ $labels.job }} vale {{ $value }}"},
        **{"for": "10s"},
    )
    for at_s, value, state in ((0, 1, "inactive"), (5, 0, "pending"), (14, 0, "pending"), (15, 0, "firing")):
        storage.append({"__name__": "up", "job": "j"}, at_s * 1000, value)
        evaluate(one, storage, at_s)
        assert (at_s, one.state) == (at_s, state)
    labels = {"alertname": "Caído", "job": "j", "severity": "grave"}
    assert found(storage, "ALERTS", 15) == [({"__name__": "ALERTS", "alertstate": "firing", **labels}, 1)]
    assert found(storage, "ALERTS_FOR_STATE", 15)[0][1] == 5
    (alert,) = one.active
    assert responses.alert(alert) == {
        "labels": labels,
        "annotations": {"summary": "j vale 0"},
        "state": "firing",
        "activeAt": "1970-01-01T00:00:05Z",
        "value": "0e+00",
    }
    storage.append({"__name__": "up", "job": "j"}, 20_000, 1)
    evaluate(one, storage, 20)
    assert (one.state, one.active, found(storage, "ALERTS", 20)) == ("inactive", [], [])


def test_an_alert_that_comes_and_goes_does_not_fire() -> None:
    storage, one = Storage(), watched(alert="A", expr="m > 1", **{"for": "10s"})
    for at_s, value in ((0, 2), (6, 0), (12, 2)):
        storage.append({"__name__": "m"}, at_s * 1000, value)
        evaluate(one, storage, at_s)
    assert [(alert.state, alert.active_s) for alert in one.active] == [("pending", 12)]


def test_keep_firing_for_holds_the_alert() -> None:
    storage, one = Storage(), watched(alert="A", expr="m > 1", keep_firing_for="10s")
    for at_s, value, state in ((0, 2, "firing"), (5, 0, "firing"), (10, 0, "inactive")):
        storage.append({"__name__": "m"}, at_s * 1000, value)
        evaluate(one, storage, at_s)
        assert (at_s, one.state) == (at_s, state)


def test_a_rule_that_cannot_be_calculated_says_why() -> None:
    storage, one = Storage(), watched(record="r", expr="m * on() m")
    for k in "xy":
        storage.append({"__name__": "m", "k": k}, 0, 1)
    evaluate(one, storage, 1)
    assert one.health == "err"
    assert one.error


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"record": "a"}, "expr"),
        ({"record": "a b", "expr": "up"}, "record"),
        ({"record": "a", "alert": "b", "expr": "up"}, "uno de los dos"),
        ({"record": "a", "expr": "up", "for": "1s"}, "for"),
        ({"alert": "a", "expr": "rate(up)"}, "expr"),
        ({"alert": "a", "expr": "up", "annotations": {"x": "{{ range . }}"}}, "annotations.x"),
        ({"alert": "a", "expr": "up", "grupo": 1}, "grupo"),
    ],
)
def test_a_bad_rule_names_its_field(rule: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigProblem, match=rf"r.yml.groups\[0\].rules\[0\].*{field}"):
        watched(**rule)


@pytest.mark.parametrize(("value", "text"), [(1, "1e+00"), (0.25, "2.5e-01"), (1234.5, "1.2345e+03")])
def test_the_value_of_an_alert_has_exponent(value: float, text: str) -> None:
    assert responses._exponent(value) == text
