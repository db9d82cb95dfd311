"""Mide stacklab en esta máquina y escribe una tabla en Markdown.

    .venv/bin/python benchmarks/medir.py [--veces 5] [--seguidas 20] [--reposo 20]

Usa un laboratorio aparte, en una carpeta temporal, y lo para al acabar. Cada cifra es la mediana de varias veces,
con la peor al lado: en una máquina ocupada la media no dice nada. No es una prueba: nada falla por ir despacio.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

STACKLAB = str(Path(sys.executable).with_name("stacklab"))
EIGHT = ("redis", "kafka", "minio", "kong", "consul", "jaeger", "prometheus", "grafana")
"""Los del flujo A."""

Row = tuple[str, str, str]


class Totals(dict[str, float]):
    """De cada servicio a una cantidad."""

    def total(self) -> float:
        """La de todos juntos."""
        return sum(self.values())


def call(home: str, *arguments: str) -> str:
    """Lo que escribe `stacklab arguments`; si falla, lo que dijo y fin: una cifra de algo roto no vale."""
    done = subprocess.run(
        [STACKLAB, *arguments],
        env={**os.environ, "STACKLAB_HOME": home},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        sys.exit(f"stacklab {' '.join(arguments)}: código {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr}")
    return done.stdout


def seconds(action: Callable[[], object]) -> float:
    """Lo que tarda `action`, en segundos."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def processes(home: str) -> dict[str, list[psutil.Process]]:
    """De cada servicio en marcha del laboratorio a sus procesos, hijos incluidos."""
    services = json.loads(call(home, "status", "--json"))["services"]
    parents = {item["name"]: psutil.Process(item["pid"]) for item in services if item["state"] == "running"}
    return {name: [parent, *parent.children(recursive=True)] for name, parent in parents.items()}


def memory(home: str) -> Totals:
    """Memoria de cada servicio, en MB. PSS, que reparte lo compartido; donde no la hay (macOS), RSS."""
    found = Totals()
    for name, group in processes(home).items():
        for info in (one.memory_full_info() for one in group):
            found[name] = found.get(name, 0) + getattr(info, "pss", info.rss) / 1e6
    return found


def cpu(home: str, span: float) -> Totals:
    """Procesador que gasta cada servicio sin que nadie pida nada, en % de un núcleo, durante `span` segundos."""

    def used() -> Totals:
        return Totals(
            {
                name: sum(times.user + times.system for times in (one.cpu_times() for one in group))
                for name, group in running.items()
            }
        )

    running = processes(home)
    before, start = used(), time.perf_counter()
    time.sleep(span)
    passed, after = time.perf_counter() - start, used()
    return Totals({name: 100 * (after[name] - before[name]) / passed for name in running})


def system() -> str:
    """El sistema, con su versión."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


def number(value: float, digits: int = 2) -> str:
    """`value` con coma decimal."""
    return f"{value:.{digits}f}".replace(".", ",")


def timed(label: str, values: list[float]) -> Row:
    """Una fila: mediana y peor de `values`, en segundos."""
    return label, f"{number(statistics.median(values))} s", f"{number(max(values))} s, de {len(values)}"


def measure(home: str, times: int, row: int, span: float) -> tuple[list[Row], list[tuple[str, ...]]]:
    """Las filas de las dos tablas, la general y la de cada servicio, en el orden en que se miden."""
    flow = ("run", "flujo-a", "--auto")
    rows = [timed("`stacklab --help`", [seconds(lambda: call(home, "--help")) for _ in range(times * 2)])]

    def cold(*arguments: str) -> list[float]:
        found = []
        for _ in range(times):
            call(home, "down", "--volumes")
            found.append(seconds(lambda: call(home, *arguments)))
        return found

    rows.append(timed("Los ocho servicios del flujo A, desde nada (`up`)", cold("up", *EIGHT)))
    rows.append(("Memoria de los ocho", f"{number(memory(home).total(), 0)} MB", "—"))
    rows.append(timed("`run flujo-a --auto`, desde nada", cold(*flow)))
    rows.append(
        timed(
            "`run flujo-a --auto`, con todo en marcha", [seconds(lambda: call(home, *flow)) for _ in range(times)]
        )
    )
    first = memory(home)
    rows.append(
        (
            "Memoria de todo (ocho servicios, dos microservicios y las páginas)",
            f"{number(first.total(), 0)} MB",
            "—",
        )
    )
    time.sleep(3)  # que se asiente lo que acaba de correr
    idle = cpu(home, span)
    rows.append((f"Procesador en reposo, de un núcleo, {span:.0f} s", f"{number(idle.total(), 1)} %", "—"))
    series = [seconds(lambda: call(home, *flow)) for _ in range(row)]
    rows.append(timed(f"{row} ejecuciones seguidas, cada una", series))
    third = max(1, row // 3)
    drift = statistics.median(series[-third:]) - statistics.median(series[:third])
    rows.append(("Cuánto más tarda el último tercio que el primero", f"{number(drift)} s", "—"))
    last = memory(home)
    grown = last.total() - first.total()
    rows.append((f"Memoria que crece en {row} ejecuciones", f"{number(grown, 1)} MB", "—"))
    call(home, "run", "all", "--auto")
    time.sleep(3)
    running = processes(home)
    everything = f"de los {len(running)} servicios de todos los flujos"
    rows.append((f"Memoria {everything}", f"{number(memory(home).total(), 0)} MB", "—"))
    rows.append((f"Procesador en reposo {everything}", f"{number(cpu(home, span).total(), 1)} %", "—"))
    each: list[tuple[str, ...]] = [
        (
            name,
            f"{number(first[name], 0)} MB",
            f"{number(last[name] - first[name], 1)} MB",
            f"{number(idle[name], 1)} %",
        )
        for name in first
    ]
    return rows, each


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Escribe una tabla en Markdown."""
    for cells in (titles, ["---"] * len(titles), *rows):
        print(f"| {' | '.join(cells)} |")


def main() -> None:
    """Lee las opciones, mide y escribe la tabla en la salida."""
    parser = argparse.ArgumentParser(description="Mide stacklab en esta máquina.")
    parser.add_argument("--veces", type=int, default=5, help="veces que se repite cada medida")
    parser.add_argument("--seguidas", type=int, default=20, help="ejecuciones seguidas del flujo")
    parser.add_argument("--reposo", type=float, default=20, help="segundos que se mira el procesador en reposo")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        load = os.getloadavg()[0]
        try:
            rows, each = measure(home, options.veces, options.seguidas, options.reposo)
        finally:
            subprocess.run([STACKLAB, "down"], env={**os.environ, "STACKLAB_HOME": home}, capture_output=True)
    memory_gb = psutil.virtual_memory().total / 1e9
    print(
        f"{datetime.date.today()} · {os.cpu_count()} núcleos ({platform.machine()}), {memory_gb:.0f} GB · "
        f"{system()} · Python {platform.python_version()} · "
        f"carga al empezar {number(load, 1)}, al acabar {number(os.getloadavg()[0], 1)}\n"
    )
    table(("Qué", "Mediana", "Peor"), rows)
    print()
    table(("Servicio", "Memoria", f"Crece en {options.seguidas} ejecuciones", "Procesador en reposo"), each)


if __name__ == "__main__":
    main()
