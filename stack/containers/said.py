"""Lo que dice el motor, palabra por palabra, y qué es cada cosa."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.containers import sentences
from stack.errors import DockerError

if TYPE_CHECKING:
    from stack.containers.found import Engine
    from stack.containers.images import Image


@dataclass(frozen=True, slots=True)
class About:
    """De qué se estaba hablando cuando falló, y las palabras del error."""

    engine: Engine | None
    image: Image | None
    service: str | None
    text: str


def recognise(about: About) -> DockerError | None:
    """El error que es, o `None` si esas palabras no son de ninguno conocido."""
    for pattern, build in _RULES:
        if found := pattern.search(about.text):
            return build(about, found)
    return None


Build = Callable[[About, "re.Match[str]"], DockerError]


def _version(about: About, found: re.Match[str]) -> DockerError:
    """El motor dice «demasiado nueva» de nuestra versión cuando el viejo es él, y al revés."""
    if found["what"].lower() == "new":
        return sentences.too_old(about.engine, found["limit"])
    return sentences.too_new(about.engine, least=found["limit"])


def _library(about: About, found: re.Match[str]) -> DockerError:
    return sentences.too_old(about.engine)


def _rate(about: About, found: re.Match[str]) -> DockerError:
    return sentences.rate_limited(about.image)


def _platform(about: About, found: re.Match[str]) -> DockerError:
    wanted = re.search(r"linux/\w+", about.text)
    return sentences.no_platform(about.image, wanted.group() if wanted else "")


def _program(about: About, found: re.Match[str]) -> DockerError:
    return sentences.program_missing(about.service or "", about.image)


def _disk(about: About, found: re.Match[str]) -> DockerError:
    return sentences.disk_full()


def _port(about: About, found: re.Match[str]) -> DockerError:
    numbers = re.search(r"(?:127\.0\.0\.1|0\.0\.0\.0|\[?::1?\]?):(\d+)", about.text)
    return sentences.port_taken(int(numbers[1]) if numbers else None, about.service or "")


def _name(about: About, found: re.Match[str]) -> DockerError:
    return sentences.name_conflict(found["name"], found["id"])


def _pool(about: About, found: re.Match[str]) -> DockerError:
    return sentences.pool_exhausted()


def _registry(about: About, found: re.Match[str]) -> DockerError:
    said = re.search(r"https?://([^/\"\s:]+)|lookup ([\w.-]+)", about.text)
    name = (said[1] or said[2]) if said else ""
    return sentences.registry_unreachable(name, untrusted="x509" in about.text)


def _gone(about: About, found: re.Match[str]) -> DockerError:
    return sentences.image_gone(about.image)


def _rule(build: Build, *patterns: str) -> tuple[re.Pattern[str], Build]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL), build


# El orden importa: lo más preciso, antes.
_RULES: tuple[tuple[re.Pattern[str], Build], ...] = (
    _rule(
        _version,
        r"client version [\d.]+ is too (?P<what>old|new)"
        r".*?(?:minimum|maximum) supported API version is (?P<limit>\d+\.\d+)",
    ),
    _rule(
        _library,
        r"API versions below .* no longer supported",
        r"(?:introduced|available) in API version",
        r"for API version",
    ),
    _rule(_rate, r"toomanyrequests", r"too many requests", r"pull rate limit", r"rate limit exceeded"),
    _rule(
        _platform,
        r"no matching manifest for",
        r"no match for platform",
        r"does not match the (?:specified|detected|expected|host)",
        r"exec format error",
        r"image operating system .* cannot be used",
    ),
    _rule(_program, r"unable to start container process", r"executable file not found in"),
    _rule(_disk, r"no space left on device", r"disk quota exceeded", r"not enough space"),
    _rule(
        _port,
        r"port is already allocated",
        r"failed to bind (?:host )?port",
        r"ports are not available",
        r"address already in use",
    ),
    _rule(_name, r"container name \"?/?(?P<name>[\w.-]+)\"? is already in use by container \"?(?P<id>[0-9a-f]+)"),
    _rule(
        _pool,
        r"non-overlapping IPv4 address pool",
        r"address pools have been fully subnetted",
        r"pool overlaps with other one",
    ),
    _rule(
        _registry,
        r"no such host",
        r"i/o timeout",
        r"TLS handshake timeout",
        r"request canceled",
        r"deadline exceeded",
        r"connection (?:refused|reset)",
        r"network is unreachable",
        r"no route to host",
        r"server misbehaving",
        r"proxyconnect",
        r"x509:",
        r"temporary failure in name resolution",
        r"50[234] (?:bad gateway|service unavailable|gateway time-?out)",
        r": (?:unexpected )?EOF$",
    ),
    _rule(
        _gone,
        r"pull access denied",
        r"manifest unknown",
        r"manifest for .* not found",
        r"repository .*(?:not found|does not exist|not known)",
        r"name unknown",
        r"no such image",
        r"access to the (?:requested )?resource is (?:denied|not authorized)",
        r"authentication required",
        r"^(?:unauthorized|denied)\b",
        r"failed to resolve reference .*not found",
    ),
)
