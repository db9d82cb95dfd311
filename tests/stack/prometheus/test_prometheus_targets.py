"""Los objetivos: relabel, la visita a un servicio, lo que deja de venir y el descubrimiento en Consul."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.prometheus.embedded import discovery, relabel, scrape
from stack.prometheus.embedded.config import read
from stack.prometheus.embedded.exposition import lines
from stack.prometheus.embedded.fields import ConfigProblem, duration_text
from stack.prometheus.embedded.promql import Vector, query
from stack.prometheus.embedded.scrape import Visit
from stack.prometheus.embedded.scraper import Scraper
from stack.prometheus.embedded.storage import Storage
from stack.prometheus.embedded.targets import Job, Target, read_job

LABELS = {"a": "uno", "b": "dos", "__meta_x": "tres"}


def job(**extra: Any) -> Job:
    return read_job({"job_name": "j", "static_configs": [{"targets": ["h:1"]}], **extra}, {}, "scrape_configs[0]")


def only(one: Job) -> Target:
    (target,), _ = one.targets(one.static)
    return target


def after(one: Visit, text: str, storage: Storage, at_ms: int) -> None:
    """Como si la visita hubiera traído `text`."""
    found = list(lines(text))
    scrape._understand(one, found)
    one.health = "up"
    scrape.store(one, found, storage, at_ms)


def seen(storage: Storage, text: str, at_ms: int) -> dict[str, float]:
    value = query(text, storage, at_ms)
    assert isinstance(value, Vector)
    return {
        ",".join(f"{k}={v}" for k, v in sorted(one.labels.items()) if k != "__name__"): one.value
        for one in value.samples
    }


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("{source_labels: [a, b], target_label: c, replacement: 'x${1}y'}", LABELS | {"c": "xuno;dosy"}),
        ("{source_labels: [a], regex: u(.*), target_label: c, replacement: '${1}'}", LABELS | {"c": "no"}),
        ("{source_labels: [a], regex: otra, target_label: c}", LABELS),
        ("{source_labels: [a], regex: un, target_label: c}", LABELS),
        ("{target_label: a, replacement: ''}", {"b": "dos", "__meta_x": "tres"}),
        ("{source_labels: [a], regex: uno, action: keep}", LABELS),
        ("{source_labels: [a], regex: otra, action: keep}", None),
        ("{source_labels: [a], regex: uno, action: drop}", None),
        ("{action: labelmap, regex: __meta_(.+)}", LABELS | {"x": "tres"}),
        ("{action: labeldrop, regex: '[ab]'}", {"__meta_x": "tres"}),
        ("{action: labelkeep, regex: '[ab]'}", {"a": "uno", "b": "dos"}),
    ],
)
def test_relabel(rule: str, expected: dict[str, str] | None) -> None:
    rules = relabel.read({"r": [yaml.safe_load(rule)]}, "r", "j")
    assert relabel.apply(LABELS, rules) == expected


def test_a_target_is_what_its_labels_say() -> None:
    one = job(
        metrics_path="/m",
        params={"modulo": ["a b"]},
        relabel_configs=[
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"target_label": "__address__", "replacement": "otro:2"},
            {"source_labels": ["__scrape_interval__"], "target_label": "cada"},
        ],
    )
    assert only(one).url == "http://otro:2/m?modulo=a+b&target=h%3A1"
    assert only(one).labels == {"job": "j", "instance": "otro:2", "cada": "1m"}
    assert only(one).discovered["__address__"] == "h:1"


def test_what_the_rules_drop_is_counted() -> None:
    one = job(relabel_configs=[{"source_labels": ["__address__"], "regex": "h:1", "action": "drop"}])
    assert one.targets(one.static)[0] == []
    assert [dropped.discovered["__address__"] for dropped in one.targets(one.static)[1]] == ["h:1"]


def test_labels_that_clash_are_kept_with_another_name() -> None:
    storage, text = Storage(), 'a{job="mio",instance="i"} 1\n'
    after(Visit(only(job())), text, storage, 1000)
    assert seen(storage, "a", 1000) == {"exported_instance=i,exported_job=mio,instance=h:1,job=j": 1}
    honoured = Storage()
    after(Visit(only(job(honor_labels=True))), text, honoured, 1000)
    assert seen(honoured, "a", 1000) == {"instance=i,job=mio": 1}


def test_metric_relabel_and_the_series_about_the_scrape() -> None:
    storage = Storage()
    one = Visit(
        only(job(metric_relabel_configs=[{"source_labels": ["__name__"], "regex": "b", "action": "drop"}]))
    )
    after(one, "a 1\nb 2\n", storage, 1000)
    after(one, "a 1\nb 2\nc 3\n", storage, 2000)
    assert seen(storage, "b", 2000) == {}
    about = ("up", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added")
    assert [list(seen(storage, name, 2000).values()) for name in about] == [[1], [3], [2], [1]]


def test_a_series_or_a_target_that_goes_is_stale_at_once() -> None:
    storage, one = Storage(), Visit(only(job()))
    after(one, 'a{k="x"} 1\na{k="y"} 2\n', storage, 1000)
    after(one, 'a{k="x"} 1\n', storage, 2000)
    assert list(seen(storage, "a", 1999).values()) == [1, 2]
    assert list(seen(storage, "a", 2000).values()) == [1]
    scrape.leave(one, storage, 3000)
    assert seen(storage, "a", 3000) == {}
    assert seen(storage, "up", 3000) == {}


def test_a_series_with_its_own_time_is_not_marked() -> None:
    storage, one = Storage(), Visit(only(job()))
    after(one, "a 1 500\n", storage, 1000)
    after(one, "", storage, 2000)
    assert list(seen(storage, "a", 2000).values()) == [1]
    ignored, other = Storage(), Visit(only(job(honor_timestamps=False)))
    after(other, "a 1 500\n", ignored, 1000)
    assert seen(ignored, "a", 999) == {}
    assert list(seen(ignored, "a", 1000).values()) == [1]


def test_too_many_samples_are_a_failed_scrape() -> None:
    with pytest.raises(scrape.ScrapeFailed, match="1"):
        after(Visit(only(job(sample_limit=1))), "a 1\nb 2\n", Storage(), 1000)


def test_loading_again_keeps_who_stays_and_leaves_who_goes() -> None:
    async def scenario() -> None:
        storage = Storage()
        scraper = Scraper(storage)
        two = job(static_configs=[{"targets": ["127.0.0.1:9", "127.0.0.1:10"]}], scrape_interval="100ms")
        scraper.start([two])
        stays, goes = scraper.visits
        async with asyncio.timeout(5):
            while not (stays.at_s and goes.at_s):
                await asyncio.sleep(0.01)
        now = int(goes.at_s * 1000)
        assert len(seen(storage, "up == 0", now + 50)) == 2
        scraper.start([job(static_configs=[{"targets": ["127.0.0.1:9"]}], scrape_interval="100ms")])
        again = scraper.visits
        await scraper.stop()
        # La descripción del trabajo cambió, así que se vuelve a empezar con el que queda.
        assert [one.target.url for one in again] == ["http://127.0.0.1:9/metrics"]
        assert "instance=127.0.0.1:10,job=j" not in seen(storage, "up", now + 60_000)

    asyncio.run(scenario())


def test_consul_says_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "/v1/catalog/services": {"web": ["v1"], "consul": []},
        "/v1/health/service/consul": [],
        "/v1/health/service/web": [
            {
                "Node": {"Node": "n", "Address": "10.0.0.1", "Datacenter": "dc1"},
                "Service": {
                    "ID": "w1",
                    "Service": "web",
                    "Address": "",
                    "Port": 80,
                    "Tags": ["v1"],
                    "Meta": {"a-b": 1},
                },
                "Checks": [{"Status": "passing"}, {"Status": "critical"}],
            }
        ],
    }

    async def fetch(url: str) -> tuple[dict[str, str], str]:
        return {"x-consul-index": "7"}, json.dumps(answers[url.removeprefix("http://c:8500")])

    monkeypatch.setattr(discovery, "fetch_whole", fetch)
    (found,) = asyncio.run(discovery.read_consul({"server": "c:8500"}, "x").find())
    assert found["__address__"] == "10.0.0.1:80"
    assert (found["__meta_consul_service"], found["__meta_consul_tags"]) == ("web", ",v1,")
    assert (found["__meta_consul_health"], found["__meta_consul_service_metadata_a_b"]) == ("critical", "1")
    assert asyncio.run(discovery.read_consul({"server": "c:8500", "tags": ["v2"]}, "x").find()) == []


@pytest.mark.parametrize(("seconds", "text"), [(1, "1s"), (0.5, "500ms"), (90, "1m30s"), (0, "0s"), (86400, "1d")])
def test_durations_as_prometheus_writes_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_rules_in_other_files(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text("rule_files: ['r*.yml']", "utf-8")
    (tmp_path / "r1.yml").write_text("groups: [{name: g, rules: [{record: a, expr: 'sum('}]}]", "utf-8")
    with pytest.raises(ConfigProblem, match=r"r1.yml.groups\[0\].rules\[0\].expr"):
        read(tmp_path / "prometheus.yml")
    (tmp_path / "r1.yml").write_text("groups: [{name: g, rules: [{record: a, expr: up}]}]", "utf-8")
    assert [one.rules[0].name for one in read(tmp_path / "prometheus.yml").groups] == ["a"]
