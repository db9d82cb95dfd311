"""Gráficas de series temporales para cualquier página nuestra. La biblioteca es Chart.js, la que trae `chartkick`.

Nada se copia al repositorio ni viene de fuera: el fichero se sirve desde el paquete instalado
(`docs/adr/0004-biblioteca-de-graficas.md` cuenta por qué este).

Cómo se usa desde un suplente, en tres pasos:

1. En `urls.py`, añade las rutas: `create_app(coverage, [*rutas, *charts.routes()], templates=…)`.
2. En la plantilla: `{% block head %}{% include "charts.html" %}{% endblock %}`.
3. Donde va la gráfica, o bien con los datos ya puestos::

       <div class="chart" data-chart='{{ spec | tojson }}'></div>

   o bien desde un guion propio (cargado con `defer`, después del `include`)::

       stacklab.chart(document.querySelector("#grafica"), spec);

   Llamarla otra vez sobre el mismo elemento actualiza la gráfica sin parpadeo y respeta las series que la
   persona haya ocultado. `stacklab.sparkline(elemento, spec)` es lo mismo sin ejes ni leyenda.

`spec` (en Python, lo que devuelve `timeseries(…)`) es un objeto con:

=============  =============================================================================================
`series`       lista de `{name, points, stats?, color?}`; `points` son pares `[milisegundos, número | null]`.
               `stats` son pares `[título, texto ya formateado]` que se enseñan en la leyenda
`unit`         nombre de `stack.web.units` (`short`, `s`, `bytes`, `percentunit`…); `decimals` si se quieren fijos
`step`         cada cuánto hay un punto, en milisegundos: si falta más de uno se ve un hueco, no una raya
`from`, `to`   extremos del eje del tiempo, en milisegundos; sin ellos, los de los datos
`min`, `max`   extremos del eje vertical
`style`        `line` (por omisión) o `bars`; `fill` es la opacidad del relleno, de 0 a 1
`stepped`      si el valor se dibuja en escalones, quieto hasta el punto siguiente (contadores)
`stacked`      si las series se apilan
`thresholds`   lista de `{value, color}`: líneas horizontales de aviso
`legend`       `list` (por omisión), `table` o `hidden`
`label`        qué enseña la gráfica, para quien no la ve
`empty`        frase cuando no hay ningún dato
=============  =============================================================================================

Un color es `1`…`8` (los de `--s1`…`--s8`), `ok`, `warn`, `bad`, `accent` o cualquier color CSS. También
están en el navegador `stacklab.formatValue(valor, unidad, decimales)` y `stacklab.formatTime(ms)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from stack.web.units import UNITS

_YEAR = {"cache-control": "public, max-age=86400"}


def library() -> Path:
    """Dónde está `Chart.bundle.js` en el paquete instalado; `FileNotFoundError` si falta."""
    spec = find_spec("chartkick")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "django" / "static" / "chartkick" / "Chart.bundle.js"
        if path.is_file():
            return path
    raise FileNotFoundError("falta Chart.bundle.js, que viene con el paquete chartkick: pip install chartkick")


def routes() -> list[BaseRoute]:
    """Las dos rutas que necesita `charts.html`: la biblioteca y la tabla de unidades."""
    path = library()
    table = json.dumps(UNITS, ensure_ascii=False)

    def send_library(_: Request) -> Response:
        return FileResponse(path, media_type="text/javascript", headers=_YEAR)

    def send_units(_: Request) -> Response:
        return Response(f"window.stacklabUnits = {table};\n", media_type="text/javascript", headers=_YEAR)

    return [Route("/_charts/chart.js", send_library), Route("/_charts/units.js", send_units)]


def timeseries(
    series: Iterable[tuple[str, Sequence[tuple[float, float | None]]]],
    *,
    unit: str = "short",
    label: str = "",
    **options: Any,
) -> Mapping[str, Any]:
    """El `spec` de una gráfica. `series` son pares (nombre, puntos) y cada punto `(segundos, valor)`."""
    return {
        "series": [
            {"name": name, "points": [[round(seconds * 1000), value] for seconds, value in points]}
            for name, points in series
        ],
        "unit": unit,
        "label": label,
        **options,
    }
