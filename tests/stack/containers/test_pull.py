"""Bajar imágenes: qué falta, de dónde se baja, qué se cuenta y qué pasa cuando no se puede."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from docker import APIClient

from stack import errors
from stack.catalog import SERVICES
from stack.containers.engine import client, discover
from stack.containers.found import Engine
from stack.containers.images import Image, load
from stack.containers.pull import Local, fetch, local, missing, pull
from stack.events import Event, ImagePulled, ImagePulling, ImagesMissing, ImageTrying
from tests.support.docker_stub import Pull, Refusal, Scenario, docker_engine, image

REDIS, MINIO, N8N = load()["redis"], load()["minio"], load()["n8n"]
BUSY = Refusal(500, "toomanyrequests: You have reached your pull rate limit.")
GONE = Refusal(404, "manifest unknown")


@contextmanager
def engine(scenario: Scenario) -> Iterator[APIClient]:
    with docker_engine(scenario) as url:
        found = discover({"DOCKER_HOST": url})
        assert isinstance(found, Engine)
        with client(found) as api:
            yield api


def at(one: Image, position: int = 0) -> str:
    """Como se pide a la API el sitio número `position` de `one`."""
    name, at, digest = one.references()[position].partition("@")
    return f"{name.rpartition(':')[0]}@{digest}" if at else name


def arriving(one: Image, position: int = 0, *, architecture: str = "amd64") -> Pull:
    """Una bajada de dos capas que acaba bien."""
    reference = at(one, position)
    return Pull(
        [
            {"status": "Pulling from library/redis", "id": one.tag},
            {"status": "Pulling fs layer", "progressDetail": {}, "id": "aaa"},
            {"status": "Pulling fs layer", "progressDetail": {}, "id": "bbb"},
            {"status": "Downloading", "progressDetail": {"current": 10, "total": 100}, "id": "aaa"},
            {"status": "Downloading", "progressDetail": {"current": 50, "total": 50}, "id": "bbb"},
            {"status": "Download complete", "progressDetail": {}, "id": "bbb"},
            {"status": "Download complete", "progressDetail": {}, "id": "aaa"},
            {"status": "Extracting", "progressDetail": {"current": 5, "total": 100}, "id": "aaa"},
            {"status": "Pull complete", "progressDetail": {}, "id": "aaa"},
            {"status": f"Digest: {one.digest}"},
            {"status": f"Status: Downloaded newer image for {reference}"},
        ],
        image(reference, one.digest, architecture=architecture),
    )


def never() -> bool:
    return False


def test_what_is_here_is_found_by_its_digest_or_by_its_name() -> None:
    exact = image(at(REDIS), REDIS.digest)
    other = image(MINIO.reference, "sha256:" + "0" * 64)
    made_here = image(N8N.reference, **{"stacklab.fidelity": "embedded"})
    images = {at(REDIS): exact, MINIO.reference: other, N8N.reference: made_here}
    with engine(Scenario(images=images)) as api:
        assert local(api, REDIS) == Local(exact["Id"], True, {}, "amd64")
        assert local(api, MINIO) == Local(other["Id"], False, {}, "amd64")
        assert local(api, N8N) == Local(made_here["Id"], False, {"stacklab.fidelity": "embedded"}, "amd64")
        assert local(api, load()["kong"]) is None
        assert missing(api, [REDIS, load()["kong"], N8N, load()["kong"]]) == [load()["kong"]]


def test_a_name_with_the_right_digest_behind_is_the_pinned_one() -> None:
    with engine(Scenario(images={REDIS.reference: image(REDIS.reference, REDIS.digest)})) as api:
        found = local(api, REDIS)
    assert found is not None
    assert found.pinned


def test_where_no_digest_is_pinned_it_is_enough_that_it_came_from_its_registry() -> None:
    came = image(N8N.reference, "sha256:" + "1" * 64)
    with engine(Scenario(images={N8N.reference: came})) as api:
        found = local(api, N8N)
    assert found is not None
    assert found.pinned


def test_it_tells_each_layer_and_leaves_the_image_with_its_name() -> None:
    scenario, told = Scenario(pulls={at(REDIS): arriving(REDIS)}), list[Event]()
    with engine(scenario) as api:
        pull(api, REDIS, told.append, never)
        found = local(api, REDIS)
    first, *_, last, done = told
    assert first == ImagePulling("redis", REDIS.pinned, {}, 0, 0)
    assert isinstance(last, ImagePulling)
    assert (last.current, last.total) == (150, 150)
    assert {name: layer.status for name, layer in last.layers.items()} == {
        "aaa": "Pull complete",
        "bbb": "Download complete",
    }
    assert isinstance(done, ImagePulled)
    assert (done.reference, done.total) == (REDIS.pinned, 150)
    assert REDIS.reference in scenario.images
    assert found is not None
    assert found.pinned


def test_the_mirrors_are_tried_in_order_and_each_reason_is_told() -> None:
    pulls = {at(REDIS): GONE, at(REDIS, 1): GONE, at(REDIS, 2): arriving(REDIS, 2)}
    scenario, told = Scenario(pulls=pulls), list[Event]()
    with engine(scenario) as api:
        pull(api, REDIS, told.append, never)
    assert scenario.pulled() == [at(REDIS), at(REDIS, 1), at(REDIS, 2)]
    tried = [event for event in told if isinstance(event, ImageTrying)]
    assert [event.reference for event in tried] == list(REDIS.references()[1:])
    assert "no existe, o no se deja bajar" in tried[0].reason
    assert REDIS.reference in scenario.images


def test_when_nobody_has_it_the_error_is_the_first_with_what_each_one_said() -> None:
    pulls = {at(REDIS): GONE, at(REDIS, 1): Refusal(500, "lookup public.ecr.aws: no such host")}
    with engine(Scenario(pulls=pulls)) as api, pytest.raises(errors.ImageGone) as failed:
        pull(api, REDIS, lambda event: None, never)
    assert failed.value.exit_code == 34
    assert len(failed.value.details) == 3
    assert failed.value.details[1].startswith("public.ecr.aws/docker/library/redis:8.10.1-trixie: no se llega")


def test_a_rate_limit_goes_to_the_mirrors_and_is_tried_once_more() -> None:
    scenario = Scenario(pulls={at(REDIS): BUSY, at(REDIS, 1): BUSY})
    with engine(scenario) as api, pytest.raises(errors.RateLimited) as failed:
        pull(api, REDIS, lambda event: None, never, retry_s=0)
    assert scenario.pulled() == [at(REDIS), at(REDIS, 1), at(REDIS, 2), at(REDIS)]
    assert (failed.value.exit_code, failed.value.command) == (35, "docker login")


def test_a_rate_limit_that_passes_is_not_an_error() -> None:
    scenario = Scenario(pulls={at(MINIO): BUSY})

    def ready(event: Event) -> None:
        if isinstance(event, ImageTrying):
            scenario.pulls[at(MINIO)] = arriving(MINIO)

    with engine(scenario) as api:
        pull(api, MINIO, ready, never, retry_s=0)
    assert scenario.pulled() == [at(MINIO)] * 2
    assert MINIO.reference in scenario.images


def test_a_full_disk_does_not_try_the_mirrors() -> None:
    full = Pull([{"error": "write /x: no space left on device"}])
    scenario = Scenario(pulls={at(REDIS): full})
    with engine(scenario) as api, pytest.raises(errors.DiskFull):
        pull(api, REDIS, lambda event: None, never)
    assert scenario.pulled() == [at(REDIS)]


def test_the_platform_is_asked_before_pulling_anything() -> None:
    only_intel = {"Descriptor": {}, "Platforms": [{"os": "linux", "architecture": "amd64"}]}
    scenario = Scenario(info={"Architecture": "aarch64"}, manifests={at(MINIO): only_intel})
    with engine(scenario) as api, pytest.raises(errors.NoSuchPlatform) as failed:
        pull(api, MINIO, lambda event: None, never)
    assert scenario.pulled() == []
    assert "(linux/arm64)" in failed.value.cause
    assert "linux/amd64" in failed.value.meaning


def test_a_registry_that_does_not_tell_its_platforms_does_not_stop_anyone() -> None:
    scenario = Scenario(info={"Architecture": "aarch64"}, pulls={at(MINIO): arriving(MINIO, architecture="arm64")})
    with engine(scenario) as api:
        pull(api, MINIO, lambda event: None, never)
    assert f"GET /distribution/{at(MINIO)}/json" in scenario.asked
    assert MINIO.reference in scenario.images


def test_what_comes_for_another_machine_is_not_used() -> None:
    scenario = Scenario(info={"Architecture": "aarch64"}, pulls={at(MINIO): arriving(MINIO, architecture="amd64")})
    with engine(scenario) as api, pytest.raises(errors.NoSuchPlatform):
        pull(api, MINIO, lambda event: None, never)
    assert MINIO.reference not in scenario.images


def test_it_can_be_left_even_if_the_engine_says_nothing() -> None:
    stuck = replace(arriving(REDIS), hold=threading.Event())
    scenario, told = Scenario(pulls={at(REDIS): stuck}), list[Event]()
    with engine(scenario) as api:
        pull(api, REDIS, told.append, lambda: any(getattr(event, "total", 0) for event in told))
        assert REDIS.reference not in scenario.images
        stuck.hold.set()
    assert not any(isinstance(event, ImagePulled) for event in told)


def test_fetch_says_how_much_and_brings_only_what_is_missing() -> None:
    images = {N8N.reference: image(N8N.reference)}
    scenario = Scenario(images=images, pulls={at(REDIS): arriving(REDIS), at(MINIO): arriving(MINIO)})
    told = list[Event]()
    with engine(scenario) as api:
        assert fetch(api, [REDIS, N8N, MINIO], on_event=told.append, cancelled=never) == [REDIS, MINIO]
        assert told[0] == ImagesMissing((REDIS.reference, MINIO.reference), REDIS.size_mb + MINIO.size_mb)
        scenario.asked.clear()
        assert fetch(api, [REDIS, N8N, MINIO], on_event=told.append, cancelled=never) == []
        assert all(line.startswith("GET /images/") for line in scenario.asked)


def test_one_that_fails_does_not_stop_the_others_and_what_came_stays() -> None:
    scenario = Scenario(pulls={at(MINIO): GONE, at(REDIS): arriving(REDIS)})
    with engine(scenario) as api, pytest.raises(errors.ImageGone, match="minio"):
        fetch(api, [MINIO, REDIS], on_event=lambda event: None, cancelled=never)
    assert REDIS.reference in scenario.images


def test_without_a_network_it_does_not_insist_with_the_rest() -> None:
    down = Refusal(500, 'Get "https://quay.io/v2/": dial tcp: i/o timeout')
    scenario = Scenario(pulls={at(MINIO): down, at(REDIS): arriving(REDIS)})
    with engine(scenario) as api, pytest.raises(errors.RegistryUnreachable):
        fetch(api, [MINIO, REDIS], on_event=lambda event: None, cancelled=never)
    assert scenario.pulled() == [at(MINIO)]


def test_what_does_not_fit_is_not_even_started(monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: type("Disk", (), {"free": 100_000_000}))
    scenario = Scenario(pulls={at(REDIS): arriving(REDIS)})
    with engine(scenario) as api, pytest.raises(errors.DiskFull) as failed:
        fetch(api, [REDIS], on_event=lambda event: None, cancelled=never)
    assert scenario.pulled() == []
    assert "quedan 0,1 GB" in failed.value.cause
    # El disco de Docker Desktop es el de su máquina virtual: el de aquí no dice nada.
    scenario.info["OperatingSystem"] = "Docker Desktop"
    with engine(scenario) as api:
        assert fetch(api, [REDIS], on_event=lambda event: None, cancelled=never) == [REDIS]


def test_a_lost_credentials_helper_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("docker")
    (folder / "config.json").write_text('{"credsStore": "no-existe-tal-ayudante"}', "utf-8")
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    scenario = Scenario(pulls={at(REDIS): arriving(REDIS)})
    with engine(scenario) as api:
        pull(api, REDIS, lambda event: None, never)
    assert REDIS.reference in scenario.images


def test_every_container_has_its_image_and_every_image_is_pinned_or_says_why_not() -> None:
    table = load()
    for service in SERVICES:
        if service.container is not None:
            assert service.container.image in table, service.name
    for one in table.values():
        assert one.tag != "latest"
        assert one.checked.startswith("2026-")
        assert not one.digest or (one.digest.startswith("sha256:") and len(one.digest) == 71)
        assert "linux/amd64" in one.platforms
        if one.digest:
            assert all(reference.endswith(one.digest) for reference in one.references())
        else:
            assert "sin su huella" in one.checked
            assert one.pinned == one.by_digest == one.reference
    assert [one.key for one in table.values() if not one.digest] == ["n8n"]
