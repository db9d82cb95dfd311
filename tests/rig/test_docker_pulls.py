"""Un motor de verdad baja de un registro de mentira: lo que dice cuando va bien y cuando no."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest
from docker import APIClient
from docker.errors import APIError

from stack import errors
from stack.containers.connection import Connection
from stack.containers.images import Image
from stack.containers.manifests import Verdict, ask
from stack.containers.pull import fetch, local, platform_of, pull
from stack.events import Event, ImagePulled, ImagePulling, ImageTrying
from tests.support.registry_stub import Registry, registry


@pytest.fixture(scope="module")
def api() -> APIClient:
    return Connection().client()


@pytest.fixture
def shop() -> Iterator[Registry]:
    with registry() as kept:
        yield kept


class Shelf:
    """Imágenes de un registro, que se quitan del motor al acabar."""

    def __init__(self, api: APIClient, shop: Registry) -> None:
        self.api, self.shop, self.made = api, shop, list[Image]()

    def image(self, name: str, digest: str, *mirrors: str) -> Image:
        full = f"{self.shop.address}/{name}"
        kept = tuple(f"{self.shop.address}/{one}:1" for one in mirrors)
        made = Image(name.partition("/")[2], full, "1", digest, "2026-11-24", kept, ("linux/amd64",), 1, 1)
        self.made.append(made)
        return made

    def clear(self) -> None:
        for one in self.made:
            for reference in (one.reference, *one.references()):
                with suppress(APIError):
                    self.api.remove_image(reference, force=True)


@pytest.fixture
def shelf(api: APIClient, shop: Registry) -> Iterator[Shelf]:
    made = Shelf(api, shop)
    yield made
    made.clear()


def never() -> bool:
    return False


def fresh() -> int:
    """Una semilla que no se haya usado: si el motor ya tuviera la capa, no la bajaría."""
    return uuid.uuid4().int % 1_000_000


def machine(api: APIClient) -> str:
    return platform_of(api.info()).partition("/")[2]


def test_it_arrives_layer_by_layer_with_its_name_and_its_digest(
    api: APIClient, shop: Registry, shelf: Shelf
) -> None:
    image, told = shelf.image("aula/buena", shop.add("aula/buena", "1", seed=fresh())), list[Event]()
    assert local(api, image) is None
    pull(api, image, told.append, never)
    found = local(api, image)
    assert found is not None
    assert (found.pinned, found.architecture) == (True, machine(api))
    assert api.inspect_image(image.reference)["Id"] == found.id
    done = told[-1]
    assert isinstance(done, ImagePulled)
    assert done.total > 2 * 300 * 1024
    last = next(event for event in reversed(told) if isinstance(event, ImagePulling))
    assert len(last.layers) == 2
    assert {layer.status for layer in last.layers.values()} == {"Pull complete"}
    # Otra vez no pide nada a nadie.
    shop.asked.clear()
    assert fetch(api, [image], on_event=told.append, cancelled=never) == []
    assert shop.asked == []


def test_a_mirror_serves_only_if_its_bytes_are_the_same(api: APIClient, shop: Registry, shelf: Shelf) -> None:
    seed = fresh()
    digest = shop.add("espejo/igual", "1", seed=seed)
    shop.add("espejo/otro", "1", seed=seed + 1)
    image, told = shelf.image("aula/movida", "sha256:" + "0" * 64, "espejo/otro"), list[Event]()
    with pytest.raises(errors.ImageGone):
        pull(api, image, told.append, never)
    shop.says["aula/oculta"] = (404, "NAME_UNKNOWN", "repository name not known to registry")
    image = shelf.image("aula/oculta", digest, "espejo/igual")
    pull(api, image, told.append, never)
    assert any(isinstance(event, ImageTrying) for event in told)
    found = local(api, image)
    assert found is not None
    assert found.pinned
    assert api.inspect_image(image.reference)["Id"] == found.id


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (404, "MANIFEST_UNKNOWN", "manifest unknown", errors.ImageGone),
        (404, "NAME_UNKNOWN", "repository name not known to registry", errors.ImageGone),
        (403, "DENIED", "requested access to the resource is denied", errors.ImageGone),
        (401, "UNAUTHORIZED", "authentication required", errors.ImageGone),
        (429, "TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit.", errors.RateLimited),
        (503, "UNAVAILABLE", "service unavailable", errors.RegistryUnreachable),
    ],
)
def test_what_a_registry_answers_is_understood_through_a_real_engine(
    api: APIClient,
    shop: Registry,
    shelf: Shelf,
    status: int,
    code: str,
    message: str,
    kind: type[errors.DockerError],
) -> None:
    image = shelf.image("aula/mala", shop.add("aula/mala", "1"))
    shop.says["aula/mala"] = (status, code, message)
    with pytest.raises(kind):
        pull(api, image, lambda event: None, never, retry_s=0)


def test_a_registry_that_is_not_there(api: APIClient, shelf: Shelf) -> None:
    with registry() as gone:
        address = gone.address
    image = Image("x", f"{address}/aula/x", "1", "", "", (), ("linux/amd64",), 1, 1)
    with pytest.raises(errors.RegistryUnreachable) as failed:
        pull(api, image, lambda event: None, never)
    assert failed.value.exit_code == 37


def test_there_is_none_for_this_machine(api: APIClient, shop: Registry, shelf: Shelf) -> None:
    image = shelf.image("aula/rara", shop.add("aula/rara", "1", machines=("riscv64",), seed=fresh()))
    with pytest.raises(errors.NoSuchPlatform):
        pull(api, image, lambda event: None, never)
    assert local(api, image) is None


def test_it_can_be_left_halfway_and_goes_on_later(api: APIClient, shop: Registry, shelf: Shelf) -> None:
    image = shelf.image("aula/lenta", shop.add("aula/lenta", "1", seed=fresh()))
    shop.slow["aula/lenta"] = threading.Event()
    told = list[Event]()
    pull(api, image, told.append, lambda: bool(told))
    assert local(api, image) is None
    assert not any(isinstance(event, ImagePulled) for event in told)
    shop.slow["aula/lenta"].set()
    pull(api, image, told.append, never)
    assert local(api, image) is not None


def test_the_registries_can_be_asked_without_pulling(api: APIClient, shop: Registry, shelf: Shelf) -> None:
    right = shelf.image("aula/una", shop.add("aula/una", "1", seed=1))
    moved = shelf.image("aula/dos", shop.add("aula/dos", "1", seed=2))
    shop.add("aula/dos", "1", seed=3)
    gone = shelf.image("aula/tres", "sha256:" + "0" * 64)
    found = ask(api, [right, moved, gone])
    assert [one.verdict for one in found] == [Verdict.SAME, Verdict.MOVED, Verdict.GONE]
    assert found[0].platforms == ("linux/amd64", "linux/arm64")
    assert not any("/blobs/" in line for line in shop.asked)
