"""Cómo se prepara SeaweedFS: puertos de dentro, entorno y orden."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from stack.minio import program
from stack.minio.service import MINIO
from stack.runtimes.programs import Programs

HOST = "127.0.0.1"


def test_ports_are_remembered(tmp_path: Path) -> None:
    remembered = tmp_path / "puertos.json"
    first = program.inner_ports(HOST, remembered)
    assert program.inner_ports(HOST, remembered) == first
    assert len(set(first.values())) == len(first) == 5


@pytest.mark.parametrize("offset", [0, 10_000], ids=["http", "grpc"])
def test_a_taken_port_moves_them_all(tmp_path: Path, offset: int) -> None:
    remembered = tmp_path / "puertos.json"
    first = program.inner_ports(HOST, remembered)
    with socket.socket() as squatter:
        squatter.bind((HOST, first["filer"] + offset))
        squatter.listen()
        second = program.inner_ports(HOST, remembered)
    assert first["filer"] not in second.values()
    assert program.inner_ports(HOST, remembered) == second


@pytest.mark.parametrize("text", ["", "{", "[]", '{"base": "x"}', "{}"])
def test_a_broken_memory_is_ignored(tmp_path: Path, text: str) -> None:
    remembered = tmp_path / "puertos.json"
    remembered.write_text(text, "utf-8")
    ports = program.inner_ports(HOST, remembered)
    assert json.loads(remembered.read_text("utf-8")) == {"base": ports["master"]}


def test_environment_is_clean_and_new_each_time(tmp_path: Path) -> None:
    base = {"PATH": "/bin", "AWS_ACCESS_KEY_ID": "x", "WEED_JWT_SIGNING_KEY": "vieja", "MINIO_SECRET_KEY": "s"}
    first, second = (program.environment(base, home=tmp_path) for _ in range(2))
    assert first["PATH"] == "/bin"
    assert "AWS_ACCESS_KEY_ID" not in first
    assert "MINIO_SECRET_KEY" not in first
    assert len(first["WEED_JWT_SIGNING_KEY"]) == 64
    assert first["WEED_JWT_SIGNING_KEY"] != second["WEED_JWT_SIGNING_KEY"]
    assert first["HOME"] == str(tmp_path)


def test_nothing_is_reported_to_anyone(tmp_path: Path) -> None:
    ports = dict.fromkeys(("master", "volume", "filer", "admin", "webdav"), 12_000)
    argv = program.command(Path("/bin/weed"), HOST, 9000, ports, tmp_path)
    assert "-master.telemetry=false" in argv
    assert f"-ip.bind={HOST}" in argv


def test_minio_is_called_by_its_date(tmp_path: Path) -> None:
    told = "minio version RELEASE.2025-09-07T16-13-09Z (commit-id=07c3a42)\nRuntime: go1.24.6 linux/amd64\n"
    fake = tmp_path / "minio"
    fake.write_text(f"#!/bin/sh\ncat <<'FIN'\n{told}FIN\n", "utf-8")
    fake.chmod(0o755)
    found = Programs(tmp_path / "versiones.json", {"STACKLAB_BIN": str(tmp_path)}).first(MINIO.binaries)
    assert found is not None
    assert (found.path, found.product) == (fake, "MinIO 2025-09-07")


def test_without_minio_seaweedfs_comes_from_the_wheel(tmp_path: Path) -> None:
    found = Programs(tmp_path / "versiones.json", {"PATH": str(tmp_path)}).first(MINIO.binaries)
    assert found is not None
    assert found.product.startswith("SeaweedFS 4.")
