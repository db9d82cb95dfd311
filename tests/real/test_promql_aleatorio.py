"""Nuestro evaluador de PromQL y el Prometheus de verdad, con los mismos datos y las mismas preguntas al azar.

Hace falta `prometheus` en `STACKLAB_BIN` o en el PATH. `STACKLAB_SEMILLA` elige la tanda (`azar`, una nueva
cada vez); sin ella es siempre la misma, para que un fallo sea de quien cambió algo. Si falla se dice cuál era.

Lo que contestan tiene que ser igual hasta la última cifra. Solo se admite una diferencia relativa de 1e-12, y se
cuenta aparte: en una consulta con varios instantes Prometheus suma en el orden de un mapa de Go, que cambia cada
vez, y `exp`, `log` o `^` redondean distinto en su biblioteca matemática.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

from stack.prometheus.embedded import responses
from stack.prometheus.embedded.promql import BadQuery, ExecutionError, NotCovered, Options, query, query_range
from stack.prometheus.embedded.storage import Storage
from tests.support.promql_datasets import LENGTH_MS, datasets
from tests.support.promql_generator import queries
from tests.support.remote_write import send

_GIVEN = os.environ.get("STACKLAB_SEMILLA", "20261124")
SEED = secrets.randbits(32) if _GIVEN == "azar" else int(_GIVEN)
EXPRESSIONS, DATASETS, TOLERANCE = 3000, 5, 1e-12
EVALUATION_S = 7
"""`evaluation_interval` de los dos: el paso de una subconsulta que no dice el suyo."""

_EDGES_MS = (0, 12_000, 45_000, 60_000, 120_000, 300_000, 300_000)
_SETS = datasets(Random(SEED), DATASETS)


class Pair:
    """Los dos, y la cuenta de lo comparado."""

    def __init__(self, url: str, storage: Storage) -> None:
        self.url, self.storage, self.session = url, storage, requests.Session()
        self.seen: set[tuple[str, str]] = set()
        self.texts: set[str] = set()
        self.answered: set[str] = set()
        self.counts: Counter[str] = Counter()

    def theirs(self, path: str, **params: Any) -> dict[str, Any]:
        return self.session.post(f"{self.url}/api/v1/{path}", data=params, timeout=30).json()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    program = shutil.which(
        "prometheus", path=os.pathsep.join([os.environ.get("STACKLAB_BIN", ""), os.environ["PATH"]])
    )
    if program is None:
        pytest.fail("no está el programa prometheus: pon su carpeta en STACKLAB_BIN")
    print(f"STACKLAB_SEMILLA={SEED}")
    root, port = tmp_path_factory.mktemp("prometheus"), _free_port()
    config = root / "prometheus.yml"
    config.write_text(f"global: {{evaluation_interval: {EVALUATION_S}s}}\n", "utf-8")
    argv = [program, f"--config.file={config}", f"--storage.tsdb.path={root / 'datos'}", "--log.level=error"]
    argv += [f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"]
    with subprocess.Popen(argv) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(lambda: requests.get(f"{url}/-/ready", timeout=5).status_code == 200, process)
            storage = Storage(keep_ms=10**12)
            for one in _SETS:
                send(url, one.series)
                for labels, points in one.series:
                    for at_ms, value in points:
                        assert storage.append(labels, at_ms, value)
            yield Pair(url, storage)
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        assert process.poll() is None, "Prometheus ha acabado antes de estar listo"
        try:
            if condition():
                return
        except requests.ConnectionError:
            pass
        assert time.monotonic() < deadline, "Prometheus no está listo"
        time.sleep(0.05)


def _summary(pair: Pair) -> str:
    many = pair.counts
    return (
        f"{len(pair.texts)} expresiones distintas, {len(pair.answered)} de ellas con algún valor; "
        f"{len(pair.seen)} con su hora; {many['series']} series, "
        f"{many['values']} valores ({many['inexact']} con una diferencia de {TOLERANCE:g} o menos), "
        f"{many['errors']} errores iguales, {many['empty']} respuestas vacías · semilla {SEED}"
    )


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, str, dict[str, float]]:
    """`(ruta, consulta, instantes en milisegundos)` sobre uno de los juegos de datos."""
    one = draw(st.sampled_from(_SETS))
    moments = tuple(one.start_ms / 1000 + second for second in (1, 61.5, 300, 555.123))
    at = draw(st.integers(45_000, LENGTH_MS + 30_000)) + one.start_ms
    if draw(st.integers(0, 2)) == 0:
        # Justo en el borde de algo: la última muestra de una serie, o cuando se olvida o deja de estar en [1m].
        _, points = draw(st.sampled_from(one.series))
        at = points[-1][0] + draw(st.sampled_from(_EDGES_MS)) + draw(st.sampled_from((-1, 0, 1)))
    lookback = {"lookback": 20_500} if draw(st.integers(0, 9)) == 0 else {}
    if draw(st.integers(0, 3)):
        return "query", draw(queries(moments, False)), {"time": at} | lookback
    step = draw(st.sampled_from((7_000, 20_000, 33_500, 60_000, 120_000)))
    end = at + draw(st.integers(0, 240_000))
    return "query_range", draw(queries(moments, True)), {"start": at, "end": end, "step": step} | lookback


@seed(SEED)
@settings(
    max_examples=EXPRESSIONS,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)
@given(question=questions())
def _compare(pair: Pair, question: tuple[str, str, dict[str, float]]) -> None:
    path, text, moments = question
    pair.seen.add((text, str(moments)))
    pair.texts.add(text)
    seconds = {name: f"{value / 1000:.3f}" for name, value in moments.items()}
    seconds |= {"lookback_delta": seconds.pop("lookback")} if "lookback" in seconds else {}
    note(f"{path} {seconds} · semilla {SEED}\n{text}")
    theirs = pair.theirs(path, query=text, **seconds)
    ours, problem = _ours(pair.storage, path, text, {name: int(value) for name, value in moments.items()})
    if problem[0]:
        assert theirs.get("errorType") == problem[0], (
            f"aquí falla ({problem[1]}) y allí no, o de otro modo: {theirs}"
        )
        pair.counts["errors"] += 1
        return
    assert theirs["status"] == "success", f"allí falla y aquí no: {theirs}"
    _same(pair, theirs["data"], ours, text)


def _ours(storage: Storage, path: str, text: str, times: dict[str, int]) -> tuple[dict[str, Any], tuple[str, str]]:
    """Lo que contesta nuestro evaluador, y su error (clase y mensaje). Decir que no sabe no vale de respuesta."""
    options = Options(EVALUATION_S * 1000, times.pop("lookback", 300_000))
    try:
        if path == "query":
            return responses.instant(query(text, storage, times["time"], options)), ("", "")
        return responses.matrix(query_range(text, storage, *times.values(), options)), ("", "")
    except NotCovered:
        raise
    except BadQuery as error:
        return {}, ("bad_data", str(error))
    except ExecutionError as error:
        return {}, ("execution", str(error))


def _same(pair: Pair, theirs: dict[str, Any], ours: dict[str, Any], text: str) -> None:
    assert theirs["resultType"] == ours["resultType"]
    kind = theirs["resultType"]
    if kind in ("scalar", "string"):
        assert _equal(pair, theirs["result"], ours["result"]), f"allí {theirs['result']}, aquí {ours['result']}"
        pair.answered.add(text)
        return
    field_ = "value" if kind == "vector" else "values"
    theirs_by = {_key(row["metric"]): row[field_] for row in theirs["result"]}
    ours_by = {_key(row["metric"]): row[field_] for row in ours["result"]}
    assert len(theirs_by) == len(theirs["result"])
    assert len(ours_by) == len(ours["result"])
    pair.counts["series"] += len(ours_by)
    pair.counts["empty"] += not ours_by
    if kind == "vector" and text.startswith(("sort", "topk", "bottomk")):
        _same_order(theirs["result"], ours["result"])
    assert theirs_by.keys() == ours_by.keys(), f"solo allí {theirs_by.keys() - ours_by.keys()}, solo aquí " + str(
        ours_by.keys() - theirs_by.keys()
    )
    for key, points in theirs_by.items():
        pairs = [points] if kind == "vector" else points
        mine = [ours_by[key]] if kind == "vector" else ours_by[key]
        assert [at for at, _ in pairs] == [at for at, _ in mine], f"{key}: otros instantes"
        for theirs_one, ours_one in zip(pairs, mine, strict=True):
            assert _equal(pair, theirs_one, ours_one), f"{key}: allí {theirs_one}, aquí {ours_one}"
    if ours_by:
        pair.answered.add(text)


def _same_order(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> None:
    values = [[float(row["value"][1]) for row in rows] for rows in (theirs, ours)]
    assert str(values[0]) == str(values[1]), "no salen en el mismo orden"


def _equal(pair: Pair, theirs: list[Any], ours: list[Any]) -> bool:
    pair.counts["values"] += 1
    if theirs == ours:
        return True
    pair.counts["inexact"] += 1
    try:
        a, b = float(theirs[1]), float(ours[1])
    except ValueError:
        return False
    return theirs[0] == ours[0] and math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=0)


def _key(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


@pytest.mark.timeout(300)
def test_random_questions_have_the_same_answer(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    _compare(pair)
    with capsys.disabled():
        print(f"\nPromQL: {_summary(pair)}")
    assert len(pair.answered) >= 500, _summary(pair)
    assert pair.counts["inexact"] < pair.counts["values"] / 10, _summary(pair)
    assert pair.counts["empty"] < len(pair.seen) / 2, _summary(pair)


def test_the_data_are_the_same(pair: Pair) -> None:
    for one in _SETS:
        at = one.end_ms + 60_000
        text = f'{{__name__=~".+"}}[{LENGTH_MS // 1000 + 61}s]'
        _same(
            pair,
            pair.theirs("query", query=text, time=at / 1000)["data"],
            responses.instant(query(text, pair.storage, at)),
            "",
        )
