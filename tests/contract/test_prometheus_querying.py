"""El contrato de Prometheus al preguntar: datos con su hora exacta, y lo que de ellos sale con todas sus cifras.

Quien publica pone la hora de cada muestra, así que lo que contesta cada consulta se sabe de antemano. Sigue
https://prometheus.io/docs/prometheus/latest/querying/basics/ y …/querying/api/.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from stack.catalog import SERVICES
from stack.model import ConfigFile
from tests.support.exporter import exporter

START_S = int(time.time()) - 600
"""La hora de la primera muestra."""

HISTORY = {
    "# TYPE vueltas_total counter\nvueltas_total": [0, 10, 20, 5, 15],
    "# TYPE humor gauge\nhumor": ["NaN", "+Inf", "-Inf", "-2.5", "1e-7"],
    '# HELP ocupacion Cuántos hay\\ndentro, \\\\ o \\".\n# TYPE ocupacion gauge\nocupacion{sala="a"}': [
        1,
        2,
        3,
        4,
        5,
    ],
    'ocupacion{sala="b"}': [5, 4, 3, 2, 1],
    '# TYPE espera_seconds histogram\nespera_seconds_bucket{le="0.5"}': [0, 1, 2, 3, 4],
    'espera_seconds_bucket{le="1"}': [0, 2, 4, 6, 8],
    'espera_seconds_bucket{le="2.50"}': [0, 3, 6, 9, 12],
    'espera_seconds_bucket{le="1e6"}': [0, 3, 6, 9, 12],
    'espera_seconds_bucket{le="+Inf"}': [0, 4, 8, 12, 16],
    "espera_seconds_count": [0, 4, 8, 12, 16],
    '# TYPE tamano summary\ntamano{quantile="1"}': [1, 1, 1, 1, 1],
}


def page() -> str:
    """Cada serie con sus cinco muestras, una cada diez segundos."""
    return "".join(
        f"{name if place == 0 else name.rpartition(chr(10))[2]} {value} {(START_S + 10 * place) * 1000}\n"
        for name, values in HISTORY.items()
        for place, value in enumerate(values)
    )


class Api:
    """La API de consulta, en segundos desde la primera muestra."""

    def __init__(self, url: str) -> None:
        self.url, self._session = f"{url}/api/v1/", requests.Session()

    def get(self, path: str, **params: Any) -> requests.Response:
        params = {name.replace("match", "match[]"): value for name, value in params.items()}
        return self._session.get(self.url + path, params=params, timeout=5)

    def data(self, path: str, **params: Any) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def values(self, query: str, at_s: float) -> list[str]:
        """Los valores de una consulta, como los escribe Prometheus."""
        return sorted(row["value"][1] for row in self.data("query", query=query, time=START_S + at_s)["result"])

    def over_time(self, query: str, start_s: float, end_s: float, step: str) -> list[list[Any]]:
        """Los pares `[segundos, valor]` de la única serie que da una consulta en un intervalo."""
        data = self.data("query_range", query=query, start=START_S + start_s, end=START_S + end_s, step=step)
        (row,) = data["result"]
        return [[at - START_S, value] for at, value in row["values"]]


@pytest.fixture(scope="module")
def api(started: Callable[..., dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with exporter(metrics=page()) as shop:
        config = tmp_path_factory.mktemp("config") / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 250ms, evaluation_interval: 10s}\n"
            "scrape_configs:\n  - job_name: historia\n    honor_labels: true\n"
            f'    static_configs: [{{targets: ["{shop.address}"]}}]\n'
            '    metric_relabel_configs: [{action: labeldrop, regex: "instance|job"}]\n',
            "utf-8",
        )
        service = next(one for one in SERVICES if one.name == "prometheus")
        changed = replace(service, config=(ConfigFile("prometheus.yml", (config,)),))
        api = Api(started("prometheus", overrides={"prometheus": changed}, servers=[shop.port])["PROMETHEUS_URL"])
        deadline = time.monotonic() + 10
        while not api.values("tamano", 40):
            assert time.monotonic() < deadline, "no ha leído la historia"
            time.sleep(0.02)
        yield api


@pytest.mark.parametrize(
    ("query", "at_s", "expected"),
    [
        # Un trozo de historia no incluye su borde izquierdo, y sí el derecho.
        ("count_over_time(vueltas_total[40s])", 40, ["4"]),
        ("count_over_time(vueltas_total[40001ms])", 40, ["5"]),
        ("count_over_time(vueltas_total[10s])", 9.999, ["1"]),
        # Una serie vale cinco minutos después de su última muestra, ni un instante más.
        ("vueltas_total", 339.999, ["15"]),
        ("vueltas_total", 340, []),
        ("vueltas_total", -0.001, []),
        ("vueltas_total offset 5m", 339.999, ["5"]),
        # Un contador que baja es que empezó de nuevo: lo anterior no se pierde.
        ("increase(vueltas_total[40s])", 40, ["33.33333333333333"]),
        ("rate(vueltas_total[40s])", 40, ["0.8333333333333334"]),
        ("irate(vueltas_total[40s])", 30, ["0.5"]),
        ("resets(vueltas_total[1m])", 40, ["1"]),
        ("delta(vueltas_total[40s])", 40, ["6.666666666666666"]),
        ("changes(vueltas_total[1m])", 40, ["4"]),
        ("first_over_time(vueltas_total[40s])", 40, ["10"]),
        # NaN e infinitos llegan enteros, y se comportan como números que son.
        ("humor", 0, ["NaN"]),
        ("humor", 10, ["+Inf"]),
        ("humor", 20, ["-Inf"]),
        ("humor", 40, ["1e-07"]),
        ("humor > 0", 0, []),
        ("humor == humor", 0, []),
        ("max_over_time(humor[1m])", 40, ["+Inf"]),
        ("sum_over_time(humor[1m])", 40, ["NaN"]),
        ("1 / (humor == -Inf)", 20, ["-0"]),
        # Los cubos se escriben con decimales, como los guarda la versión 3.
        ('espera_seconds_bucket{le="1.0"}', 40, ["8"]),
        ('espera_seconds_bucket{le="1"}', 40, []),
        ('tamano{quantile="1.0"}', 40, ["1"]),
        ("histogram_quantile(0.5, espera_seconds_bucket)", 40, ["1"]),
        ("histogram_quantile(0.9, espera_seconds_bucket)", 40, ["1000000"]),
        ("histogram_quantile(0.25, rate(espera_seconds_bucket[40s]))", 40, ["0.5"]),
        # Una subconsulta sin paso usa el evaluation_interval del fichero, que aquí son 10s.
        ("count_over_time((vueltas_total)[40s:])", 40, ["4"]),
        ("topk(1, ocupacion)", 0, ["5"]),
        # El número de una agregación lo pueden dar los datos, y cambiar con el tiempo.
        ('topk(scalar(ocupacion{sala="a"}), ocupacion)', 0, ["5"]),
        ('topk(scalar(ocupacion{sala="a"}), ocupacion)', 10, ["2", "4"]),
        # Sin paréntesis manda la gramática: primero la potencia, y de derecha a izquierda.
        ("-2 ^ 2 ^ 0 * vueltas_total", 40, ["-30"]),
        ('{"ocupacion", sala=`a`} # y comentarios', 0, ["1"]),
        (f'sum(ocupacion{{sala=~"a|b"}} @ {START_S + 20})', 40, ["6"]),
        ("quantile(0.25, ocupacion)", 40, ["2"]),
        ('absent(ocupacion{sala="z", piso!="1"})', 40, ["1"]),
        ("vueltas_total * 1e21", 40, ["1.5e+22"]),
        ("vueltas_total * 1e19", 40, ["150000000000000000000"]),
        ("vector(scalar(vueltas_total) + 0.1 + 0.2)", 40, ["15.299999999999999"]),
        ("predict_linear(vueltas_total[1m], 10)", 20, ["30"]),
        ('label_replace(vueltas_total, "p", "$1", "__name__", "(.*)_total")', 40, ["15"]),
    ],
)
def test_what_each_query_is_worth(api: Api, query: str, at_s: float, expected: list[str]) -> None:
    assert api.values(query, at_s) == expected


def test_a_whole_second_is_written_without_decimals(api: Api) -> None:
    for at_s, written in ((0.0, f'[{START_S},"'), (0.25, f"[{START_S}.25")):
        assert written in api.get("query", query="ocupacion", time=START_S + at_s).text


def test_bounds_of_buckets_are_those_of_version_three(api: Api) -> None:
    assert api.data("label/le/values") == ["+Inf", "0.5", "1.0", "1e+06", "2.5"]


def test_a_range_starts_where_it_is_told_and_goes_step_by_step(api: Api) -> None:
    assert api.over_time("ocupacion{sala='a'}", 5, 26, "10s") == [[5, "1"], [15, "2"], [25, "3"]]
    assert api.over_time("vueltas_total", -10, 20, "10") == [[0, "0"], [10, "10"], [20, "20"]]
    assert api.over_time("vueltas_total", 0.5, 1, "500ms") == [[0.5, "0"], [1, "0"]]
    assert api.over_time("time()", 0, 1, "1")[0] == [0, str(START_S)]
    assert api.over_time("vector(1)", 7, 7, "1h") == [[7, "1"]]


def test_times_may_come_as_a_date(api: Api) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START_S + 20))
    for written in (f"{at}Z", f"{at}.000Z", f"{at}+00:00", str(START_S + 20), f"{START_S + 20}.000"):
        (row,) = api.data("query", query="vueltas_total", time=written)["result"]
        assert row["value"] == [START_S + 20, "20"]


def test_each_kind_of_result_says_which_it_is(api: Api) -> None:
    at = START_S + 40
    assert api.data("query", query="1.50", time=at) == {"resultType": "scalar", "result": [at, "1.5"]}
    assert api.data("query", query='"hola"', time=at) == {"resultType": "string", "result": [at, "hola"]}
    assert api.data("query", query="nada", time=at) == {"resultType": "vector", "result": []}
    assert api.data("query", query="vueltas_total[15s]", time=at) == {
        "resultType": "matrix",
        "result": [{"metric": {"__name__": "vueltas_total"}, "values": [[at - 10, "5"], [at, "15"]]}],
    }


def test_how_far_it_looks_back_may_be_asked(api: Api) -> None:
    def values(at_s: float, lookback: str) -> list[str]:
        rows = api.data("query", query="vueltas_total", time=START_S + at_s, lookback_delta=lookback)["result"]
        return [row["value"][1] for row in rows]

    assert values(49.999, "10s") == ["15"]
    assert values(50, "10s") == []
    assert values(50, "10.5") == ["15"]
    assert values(50, "0") == ["15"]
    assert api.get("query", query="vueltas_total", lookback_delta="mucho").status_code == 400


def test_a_limit_cuts_and_says_so(api: Api) -> None:
    at = START_S + 40
    whole = api.get("query", query="ocupacion", time=at, limit=2).json()
    cut = api.get("query", query="ocupacion", time=at, limit=1).json()
    assert (len(whole["data"]["result"]), "warnings" in whole) == (2, False)
    assert (len(cut["data"]["result"]), cut["warnings"]) == (1, ["results truncated due to limit"])
    assert len(api.data("label/__name__/values", limit=2)) == 2
    assert len(api.data("labels", limit=1)) == 1
    assert len(api.data("series", match="ocupacion", limit=1)) == 1
    assert len(api.data("metadata", limit=1)) == 1


@pytest.mark.parametrize(
    ("path", "params", "status", "kind"),
    [
        ("query", {}, 400, "bad_data"),
        ("query", {"query": "sum(ocupacion"}, 400, "bad_data"),
        ("query", {"query": "rate(ocupacion)"}, 400, "bad_data"),
        ("query", {"query": "ocupacion{"}, 400, "bad_data"),
        ("query", {"query": '{sala=~".*"}'}, 400, "bad_data"),
        ("query", {"query": "ocupacion", "limit": -1}, 400, "bad_data"),
        ("query", {"query": "ocupacion", "timeout": "mucho"}, 400, "bad_data"),
        ("query", {"query": "ocupacion + on() ocupacion", "time": START_S}, 422, "execution"),
        ("query", {"query": 'label_replace(ocupacion, "sala", "x", "", "")', "time": START_S}, 422, "execution"),
        ("query_range", {"query": "ocupacion"}, 400, "bad_data"),
        ("query_range", {"query": "ocupacion", "start": 2, "end": 1, "step": 1}, 400, "bad_data"),
        ("query_range", {"query": "ocupacion", "start": 1, "end": 2, "step": 0}, 400, "bad_data"),
        ("query_range", {"query": "ocupacion", "start": 0, "end": 11_001, "step": 1}, 400, "bad_data"),
        ("query_range", {"query": "ocupacion[1m]", "start": 1, "end": 2, "step": 1}, 400, "bad_data"),
        ("series", {}, 400, "bad_data"),
        ("series", {"match": "{}"}, 400, "bad_data"),
        ("series", {"match": "ocupacion", "start": "nunca"}, 400, "bad_data"),
        ("labels", {"match": "sum(ocupacion)"}, 400, "bad_data"),
        ("rules", {"type": "otra"}, 400, "bad_data"),
    ],
)
def test_what_makes_no_sense_is_refused(
    api: Api, path: str, params: dict[str, Any], status: int, kind: str
) -> None:
    answer = api.get(path, **params)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert (body["status"], body["errorType"]) == ("error", kind)
    assert body["error"]


def test_ten_thousand_and_one_points_are_fine(api: Api) -> None:
    data = api.data("query_range", query="vector(1)", start=0, end=11_000, step=1)
    assert len(data["result"][0]["values"]) == 11_001


def test_series_labels_and_their_values(api: Api) -> None:
    window = {"start": START_S, "end": START_S + 40}
    series = api.data("series", match=["ocupacion", 'espera_seconds_bucket{le="+Inf"}'], **window)
    assert {(one["__name__"], one.get("sala")) for one in series} == {
        ("ocupacion", "a"),
        ("ocupacion", "b"),
        ("espera_seconds_bucket", None),
    }
    assert api.data("labels", match="ocupacion", **window) == ["__name__", "sala"]
    assert api.data("label/sala/values", **window) == ["a", "b"]
    assert api.data("label/sala/values", match='ocupacion{sala!="a"}', **window) == ["b"]
    assert api.data("label/no_existe/values") == []
    assert api.data("series", match="no_existe") == []


def test_metadata_says_what_the_service_said(api: Api) -> None:
    found = api.data("metadata")
    assert found["vueltas_total"] == [{"type": "counter", "help": "", "unit": ""}]
    assert found["ocupacion"] == [{"type": "gauge", "help": 'Cuántos hay\ndentro, \\ o \\".', "unit": ""}]
    assert api.data("metadata", metric="tamano") == {"tamano": [{"type": "summary", "help": "", "unit": ""}]}
    assert api.data("metadata", metric="no_existe") == {}


def test_a_post_is_the_same_as_a_get(api: Api) -> None:
    form = {"query": "vueltas_total", "time": START_S + 40}
    posted = requests.post(api.url + "query", data=form, timeout=5).json()
    assert posted == api.get("query", **form).json()
    assert requests.post(api.url + "series", data={"match[]": "nada"}, timeout=5).json()["data"] == []
