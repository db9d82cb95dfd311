"""Preguntar a los registros: qué se concluye de lo que contestan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stack.containers.engine import client, discover
from stack.containers.found import Engine
from stack.containers.images import Image, load
from stack.containers.manifests import Manifest, Verdict, ask
from stack.errors import RegistryUnreachable
from tests.support.docker_stub import Json, Refusal, Scenario, docker_engine

REDIS, MINIO, N8N = load()["redis"], load()["minio"], load()["n8n"]
GONE = Refusal(404, "manifest unknown")
DOWN = Refusal(500, 'Get "https://quay.io/v2/": dial tcp: lookup quay.io: no such host')


def manifest(digest: str, *machines: str) -> Json:
    platforms: list[Any] = [{"os": "linux", "architecture": one} for one in machines or ("amd64", "arm64")]
    return {
        "Descriptor": {"digest": digest},
        "Platforms": [*platforms, {"os": "unknown", "architecture": "unknown"}],
    }


def verdict(image: Image, manifests: dict[str, Json | Refusal]) -> Manifest:
    """Lo que se concluye de `image`; lo que no esté en `manifests`, no existe."""
    known = dict.fromkeys([image.reference, image.by_digest, *image.mirrors], GONE) | manifests
    with docker_engine(Scenario(manifests=known)) as url:
        engine = discover({"DOCKER_HOST": url})
        assert isinstance(engine, Engine)
        with client(engine) as api:
            return ask(api, [image])[0]


def test_the_tag_is_still_the_pinned_one() -> None:
    found = verdict(REDIS, {REDIS.reference: manifest(REDIS.digest)})
    assert (found.verdict, found.platforms) == (Verdict.SAME, ("linux/amd64", "linux/arm64"))
    assert found.usable


def test_the_tag_moved_but_the_pinned_one_is_still_there() -> None:
    manifests = {REDIS.reference: manifest("sha256:otra"), REDIS.by_digest: manifest(REDIS.digest, "amd64")}
    found = verdict(REDIS, manifests)
    assert (found.verdict, found.digest, found.platforms) == (Verdict.MOVED, "sha256:otra", ("linux/amd64",))
    assert found.usable


def test_the_tag_moved_and_the_pinned_one_is_gone() -> None:
    found = verdict(MINIO, {MINIO.reference: manifest("sha256:otra")})
    assert found.verdict is Verdict.GONE
    assert not found.usable


def test_only_a_mirror_with_the_same_bytes_counts() -> None:
    wrong, right = REDIS.mirrors
    found = verdict(REDIS, {wrong: manifest("sha256:otra"), right: manifest(REDIS.digest)})
    assert (found.verdict, found.where) == (Verdict.MIRROR, right)
    assert verdict(REDIS, {wrong: manifest("sha256:otra")}).verdict is Verdict.GONE


def test_without_a_digest_there_is_nothing_to_compare() -> None:
    assert verdict(N8N, {N8N.reference: manifest("sha256:la-que-sea")}).verdict is Verdict.UNPINNED


def test_gone_is_not_the_same_as_not_knowing() -> None:
    assert verdict(MINIO, {}).verdict is Verdict.GONE
    busy = verdict(MINIO, {MINIO.reference: Refusal(500, "toomanyrequests: rate limit exceeded")})
    assert busy.verdict is Verdict.UNKNOWN
    assert busy.error is not None
    assert not busy.usable


def test_without_a_network_it_is_one_error_and_not_twelve() -> None:
    with pytest.raises(RegistryUnreachable):
        verdict(replace(MINIO, mirrors=()), {MINIO.reference: DOWN})
