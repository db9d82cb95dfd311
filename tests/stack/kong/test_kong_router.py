"""Qué ruta gana y qué camino ve el servicio."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stack.kong.embedded import declarative, uri
from stack.kong.embedded.headers import Headers
from stack.kong.embedded.router import Router


def winner(routes: list[dict[str, Any]], path: str, **asked: Any) -> str | None:
    """El nombre de la ruta que gana (`r1`, `r2`…, por el orden en que se dan)."""
    named = [{"name": f"r{number}"} | route for number, route in enumerate(routes, 1)]
    config = declarative.parse(yaml.safe_dump({"_format_version": "3.0", "routes": named}))
    match = Router(config.routes).match(
        asked.get("method", "GET"), asked.get("host", "x"), 8000, path, Headers(asked.get("headers", []))
    )
    return match.route.name if match else None


@pytest.mark.parametrize(
    ("routes", "path", "asked", "expected"),
    [
        ([{"paths": ["/a"]}, {"paths": ["/a/b"]}], "/a/b/c", {}, "r2"),
        ([{"paths": ["/a/b/c"]}, {"paths": ["~/a/.+$"]}], "/a/b/c", {}, "r2"),
        (
            [{"paths": ["~/a/.+"], "regex_priority": 1}, {"paths": ["~/a/b"], "regex_priority": 5}],
            "/a/b",
            {},
            "r2",
        ),
        ([{"paths": ["~/a/b$"]}], "/a/bc", {}, None),
        ([{"paths": ["~/b"]}], "/a/b", {}, None),
        ([{"paths": ["/a"]}], "/ab", {}, "r1"),
        ([{"paths": ["/a"]}, {"paths": ["/a"], "methods": ["GET"]}], "/a", {}, "r2"),
        ([{"paths": ["/a"], "methods": ["POST"]}], "/a", {}, None),
        ([{"hosts": ["*.es"]}, {"hosts": ["tienda.es"]}], "/", {"host": "tienda.es:8000"}, "r2"),
        ([{"hosts": ["tienda.*"]}], "/", {"host": "TIENDA.com"}, "r1"),
        ([{"hosts": ["tienda.es:9999"]}], "/", {"host": "tienda.es"}, None),
        ([{"hosts": ["tienda.es:8000"]}], "/", {"host": "tienda.es"}, "r1"),
        ([{"headers": {"X-A": ["1", "2"]}}], "/", {"headers": [("x-a", "2")]}, "r1"),
        ([{"headers": {"X-A": ["~*^v[0-9]$"]}}], "/", {"headers": [("X-A", "V7")]}, "r1"),
        ([{"headers": {"X-A": ["1"], "X-B": ["1"]}}], "/", {"headers": [("x-a", "1")]}, None),
        (
            [{"headers": {"X-A": ["1"]}}, {"headers": {"X-A": ["1"], "X-B": ["1"]}}],
            "/",
            {"headers": [("x-a", "1"), ("x-b", "1")]},
            "r2",
        ),
        ([{"paths": ["/corta", "/bastante/larga"]}, {"paths": ["/bastante"]}], "/bastante/larga", {}, "r1"),
        ([{"paths": ["/a", "~/b/[0-9]+$"]}, {"paths": ["/b"]}], "/b/1", {}, "r1"),
    ],
)
def test_que_ruta_gana(
    routes: list[dict[str, Any]], path: str, asked: dict[str, Any], expected: str | None
) -> None:
    assert winner(routes, path, **asked) == expected


@pytest.mark.parametrize(
    ("base", "matched", "path", "strip", "expected"),
    [
        # La tabla de la documentación de Kong sobre `path_handling: v0`.
        ("/s", "/fv0", "/fv0req", True, "/s/req"),
        ("/s", "/fv0", "/fv0/req", True, "/s/req"),
        ("/s", "/fv0/", "/fv0/req", True, "/s/req"),
        ("/s/", "/fv0", "/fv0req", True, "/s/req"),
        ("/s", "/fv0", "/fv0/req", False, "/s/fv0/req"),
        ("/s/", "/fv0", "/fv0/req", False, "/s/fv0/req"),
        ("/", "/fv0", "/fv0", True, "/"),
        ("/s", "/fv0", "/fv0", True, "/s"),
        ("/s", "/fv0", "/fv0/", True, "/s/"),
        ("/", "", "/x", True, "/x"),
        ("/s", "", "/", True, "/s"),
        ("/s", "/a", "/a../b", True, "/s/b"),
    ],
)
def test_el_camino_que_ve_el_servicio(base: str, matched: str, path: str, strip: bool, expected: str) -> None:
    assert uri.upstream_path(path, matched=matched, strip=strip, base=base) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/../../b", "/b"),
        ("/a//b///c", "/a/b/c"),
        ("/a/.", "/a/"),
        ("/a/..", "/"),
        ("/%61dmin/%2E%2e/x", "/x"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a%2fb", "/a%2Fb"),
        ("/%zz", "/%zz"),
        ("/", "/"),
    ],
)
def test_normalizar(path: str, expected: str) -> None:
    assert uri.normalize(path) == expected


@given(st.lists(st.sampled_from(["a", "..", ".", "", "%2e%2E", "%2F", "ñ", "b.c"]), max_size=8))
def test_normalizar_no_deja_atajos_y_repetirlo_no_cambia_nada(parts: list[str]) -> None:
    once = uri.normalize("/" + "/".join(parts))
    assert once.startswith("/")
    assert not {".", ".."} & set(once.split("/"))
    assert "//" not in once
    assert uri.normalize(once) == once
    assert uri.escape(uri.escape(once)) == uri.escape(once)
