"""Las credenciales: se inventan una vez, solo las lee su dueña y no salen en ningún texto."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stack import credentials


@pytest.mark.parametrize(
    ("name", "shortest", "longest"),
    [("minio_access_key", 3, 20), ("minio_secret_key", 8, 40), ("jwt_secret", 32, 64), ("step_secret", 32, 64)],
)
def test_each_kind_has_its_length(name: str, shortest: int, longest: int) -> None:
    values = {credentials.generate(name) for _ in range(50)}
    assert len(values) == 50
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9]+", value) for value in values)
    assert all(shortest <= len(value) <= longest for value in values)


def test_they_are_made_once_and_only_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    first, notices = credentials.ensure(path, ["jwt_secret", "jwt_secret"])
    assert notices == []
    assert path.stat().st_mode & 0o777 == 0o600
    second, _ = credentials.ensure(path, ["jwt_secret", "otra"])
    assert second["jwt_secret"] == first["jwt_secret"]
    assert set(second) == {"jwt_secret", "otra"}
    assert credentials.read(path) == second
    assert credentials.as_variables(first) == {"JWT_SECRET": first["jwt_secret"]}


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}', '{"a": ""}'])
def test_the_unreadable_is_set_aside_and_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(content, "utf-8")
    known, [notice] = credentials.ensure(path, ["a"])
    [aside] = tmp_path.glob("credentials.json.roto-*")
    assert str(aside) in notice
    assert aside.read_text("utf-8") == content
    assert credentials.read(path) == known


def test_a_file_that_others_could_read_is_closed_and_told(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    credentials.ensure(path, ["a"])
    path.chmod(0o644)
    _, [notice] = credentials.ensure(path, ["a"])
    assert "ya no pueden" in notice
    assert path.stat().st_mode & 0o777 == 0o600


def test_redacted() -> None:
    assert credentials.redact("clave=abc123; otra=zz", ["abc123", "zz"]) == "clave=•••; otra=•••"
