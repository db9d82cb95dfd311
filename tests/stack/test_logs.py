"""Los logs: no crecen sin fin y se pueden seguir aunque el servicio se reinicie."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from stack import logs
from tests.support.fakes import fake


def test_rotation_empties_it_under_an_open_writer(tmp_path: Path) -> None:
    log = tmp_path / "uno.log"
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for text in (b"primera\n", b"segunda\n", b"tercera\n", b"cuarta\n"):
        os.write(descriptor, text)
        logs.rotate(log, max_bytes=3)
    os.write(descriptor, b"fin\n")
    os.close(descriptor)
    assert log.read_text("utf-8") == "fin\n"
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["uno.log", "uno.log.1", "uno.log.2"]
    assert (tmp_path / "uno.log.1").read_text("utf-8") == "cuarta\n"
    assert (tmp_path / "uno.log.2").read_text("utf-8") == "tercera\n"
    assert (tmp_path / "uno.log.1").stat().st_mode & 0o777 == 0o600


def test_no_rotation_while_it_is_small_or_missing(tmp_path: Path) -> None:
    assert not logs.rotate(tmp_path / "uno.log")
    (tmp_path / "uno.log").write_text("poco", "utf-8")
    assert not logs.rotate(tmp_path / "uno.log")


def test_last_lines_of_this_start_only(tmp_path: Path) -> None:
    log = tmp_path / "uno.log"
    log.write_text("de antes\n", "utf-8")
    since = logs.size(log)
    with log.open("a", encoding="utf-8") as output:
        output.writelines(f"línea {n}\n" for n in range(50))
    assert logs.last_lines(log, 2, since=since) == ["línea 48", "línea 49"]
    assert logs.last_lines(log, 99, since=since)[0] == "línea 0"
    assert logs.last_lines(tmp_path / "nada.log", 5) == []


def test_tail_and_bytes_that_are_not_text(tmp_path: Path) -> None:
    log = tmp_path / "uno.log"
    log.write_bytes(b"uno\ndos\r\ntr\xffes\nsin salto")
    assert list(logs.lines(log)) == ["uno", "dos", "tr�es", "sin salto"]
    assert list(logs.lines(log, tail=2)) == ["tr�es", "sin salto"]
    assert list(logs.lines(log, tail=0)) == []


def test_following_survives_restarts_and_rotation(bench: Any) -> None:
    lab = bench.lab(fake("uno"))
    lab.up()
    log, read, stop = bench.folder.log("uno"), SimpleQueue[str](), threading.Event()

    def follow() -> None:
        for line in logs.lines(log, follow=True, tail=1, stopped=stop.is_set):
            read.put(line)

    worker = threading.Thread(target=follow)
    worker.start()
    try:
        assert read.get(timeout=5) == "escucho"
        lab.down()
        lab.up()
        assert read.get(timeout=5) == "escucho"
        with log.open("a", encoding="utf-8") as output:
            output.write("a me")
            output.flush()
            output.write("dias\n")
        assert read.get(timeout=5) == "a medias"
        logs.rotate(log, max_bytes=1)
        with log.open("a", encoding="utf-8") as output:
            output.write("y\n")
        assert read.get(timeout=5) == "y"
    finally:
        stop.set()
        worker.join()


def test_up_rotates_the_big_ones(bench: Any, monkeypatch: Any) -> None:
    lab = bench.lab(fake("uno"))
    lab.up()
    monkeypatch.setattr(logs.rotate, "__kwdefaults__", {"max_bytes": 3})
    lab.up()
    assert bench.folder.log("uno").read_text("utf-8") == ""
    assert bench.folder.log("uno").with_name("uno.log.1").read_text("utf-8") == "escucho\n"
