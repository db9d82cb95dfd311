"""Escribe `docs/verificado.md`: qué línea de cada contrato se ha visto cumplir, y a quién.

    python -m tests.verificado CARPETA [--comprobar]

En CARPETA están los resultados de pytest (JUnit) de cada runtime: `embedded.xml`, `binary.xml`, `docker.xml`. Con
`--comprobar` no se escribe nada: acaba en 1 si la página da por cumplido algo que ahora no se cumple o ya no
existe, o si contesta otro; las demás diferencias solo las enseña. Los tiempos y las versiones no cuentan.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from stack.catalog import SERVICES

PAGE = Path(__file__).parents[1] / "docs" / "verificado.md"
RUNTIMES = {"embedded": "Lo que trae pip", "binary": "Programas reales", "docker": "Docker"}
FIDELITIES = {"docker": "contenedor", "binary": "programa real", "embedded": "embebido"}
SEVERAL = "varios"
"""Lo que se comprueba de varios servicios a la vez."""

NOTES = {
    "minio": "Las reglas de caducidad (`lifecycle_…`) se guardan y se leen como se mandaron. **No** se ha visto "
    "caducar nada: el plazo más corto que admiten es un día."
}
"""Lo que una línea podría dar a entender y no se ha comprobado."""

_SERVICES = {service.name for service in SERVICES}
_MODULE = re.compile(r"\btests\.contract\.test_([a-z0-9]+)")


@dataclass(slots=True)
class Line:
    """Una línea de un contrato en un runtime: cuántos de sus casos pasaron, y por qué no se hicieron los demás."""

    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def mark(self) -> str:
        """Cómo se ve en la página."""
        if self.failed:
            return "✘"
        if self.skipped:
            return "✔ en parte" if self.passed else "—"
        return "✔"


@dataclass(slots=True)
class Results:
    """Lo que se vio en un runtime: las líneas, por servicio y nombre, y quién contestó por cada servicio."""

    lines: dict[tuple[str, str], Line] = field(default_factory=lambda: defaultdict(Line))
    answered: dict[str, str] = field(default_factory=dict)

    def of(self, service: str) -> list[Line]:
        """Las líneas de `service`."""
        return [line for (owner, _), line in self.lines.items() if owner == service]


def read(path: Path) -> Results:
    """Lee un fichero de resultados; lo que no es un contrato se pasa por alto."""
    results = Results()
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        for item in suite.iterfind("properties/property"):
            kind, _, service = item.attrib["name"].partition(".")
            if kind == "answered":
                results.answered[service] = item.attrib["value"]
        for case in suite.iter("testcase"):
            if found := _MODULE.search(case.attrib.get("classname", "")):
                name = case.attrib["name"].partition("[")[0].removeprefix("test_")
                owner = found[1] if found[1] in _SERVICES else SEVERAL
                _count(results.lines[owner, name], case)
    return results


def _count(line: Line, case: ElementTree.Element) -> None:
    skipped = case.find("skipped")
    if case.find("failure") is not None or case.find("error") is not None:
        line.failed += 1
    elif skipped is not None:
        line.skipped[skipped.attrib.get("message", "").removeprefix("Skipped: ")] += 1
    else:
        line.passed += 1


def page(results: Mapping[str, Results]) -> str:
    """La página entera, en Markdown."""
    services = sorted({service for one in results.values() for service, _ in one.lines})
    return "\n".join([*_head(), *_summary(results, services), *_details(results, services)]) + "\n"


_HEAD = """\
# Qué se ha comprobado, y contra qué

<!-- Página generada por tests/verificado.py: no la cambies a mano. -->

Cada servicio tiene un contrato: pruebas que solo usan su cliente de siempre y una dirección. Son las mismas para
lo que trae pip, para el programa real en esta máquina y para su contenedor. Aquí está lo que se vio el {day} en
{machine}.

!!! warning "Las imágenes de Docker no son las oficiales"
    Donde se ejecutan estas pruebas no se puede bajar ninguna imagen. Las que se usan se construyen aquí, con los
    nombres, las variables, los puertos y los usuarios de las oficiales, y llevan dentro lo que dice la tabla. Así
    se comprueban el arranque, la configuración y las direcciones, **no** las imágenes oficiales ni sus versiones.
    Por MinIO contesta SeaweedFS y por Vault, OpenBao. De Kong y de Grafana no hay programa real que se
    pueda construir: en todas las columnas contesta nuestro suplente, y sus contratos solo se han comprobado contra
    él.
"""


def _head() -> Iterator[str]:
    yield _HEAD.format(day=f"{date.today():%d/%m/%Y}", machine=_machine())


def _machine() -> str:
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{system}, {os.cpu_count()} núcleos, {platform.machine()}, Python {platform.python_version()}"


def _summary(results: Mapping[str, Results], services: Iterable[str]) -> Iterator[str]:
    yield "## En resumen"
    yield ""
    yield "De cada servicio, cuántas líneas de su contrato se cumplieron y quién contestaba."
    yield ""
    yield f"| Servicio | {' | '.join(RUNTIMES.values())} |"
    yield f"|---|{'---|' * len(RUNTIMES)}"
    for service in services:
        cells = (_cell(results.get(runtime), service) for runtime in RUNTIMES)
        yield f"| [{service}](#{service}) | {' | '.join(cells)} |"
    yield ""


def _cell(results: Results | None, service: str) -> str:
    lines = results.of(service) if results else []
    if not results or not lines:
        return "no se ha probado"
    failed, passed = (
        sum(bool(line.failed) for line in lines),
        sum(not line.failed and line.passed > 0 for line in lines),
    )
    problem = f", **{failed} no**" if failed else ""
    who = re.sub(r"(?<= · )\w+(?=;|$)", lambda found: FIDELITIES[found[0]], results.answered.get(service, ""))
    return f"{passed} de {len(lines)}{problem}" + (f"<br>{who}" if who else "")


def _details(results: Mapping[str, Results], services: Iterable[str]) -> Iterator[str]:
    yield "✔ se cumple · — no se ha comprobado, y debajo por qué · ✘ no se cumple"
    yield ""
    for service in services:
        names = sorted({name for one in results.values() for owner, name in one.lines if owner == service})
        yield f"## {service}"
        yield ""
        yield f"| Línea | {' | '.join(RUNTIMES.values())} |"
        yield f"|---|{'---|' * len(RUNTIMES)}"
        reasons: dict[str, list[str]] = {}
        for name in names:
            marks = []
            for runtime in RUNTIMES:
                line = results[runtime].lines.get((service, name)) if runtime in results else None
                marks.append(line.mark if line else "")
                for reason in line.skipped if line else ():
                    reasons.setdefault(f"{RUNTIMES[runtime]}: {reason}", []).append(name)
            yield f"| `{name}` | {' | '.join(marks)} |"
        yield ""
        if service in NOTES:
            yield NOTES[service]
            yield ""
        for reason, skipped in reasons.items():
            yield f"- {reason}. ({', '.join(f'`{name}`' for name in skipped)})"
        if reasons:
            yield ""


def marks(text: str) -> dict[tuple[str, str, str], str]:
    """Lo que dice una página de cada (servicio, línea, columna)."""
    service, found = "", {}
    for row in text.splitlines():
        if row.startswith("## "):
            service = row[3:]
        elif row.startswith("| `"):
            name, *cells = (cell.strip() for cell in row.strip("|").split("|"))
            found |= {
                (service, name.strip("`"), column): mark
                for column, mark in zip(RUNTIMES.values(), cells, strict=True)
                if mark
            }
    return found


def answering(text: str) -> dict[tuple[str, str], str]:
    """Lo que dice el resumen de una página: quién contestó, y cuánto vale, por cada (servicio, columna)."""
    return {
        (row[1], column): cell.strip().partition("<br>")[2]
        for row in re.finditer(r"^\| \[(\w+)\]\(#\w+\) \|(.*)\|$", text, re.MULTILINE)
        for column, cell in zip(RUNTIMES.values(), row[2].split("|"), strict=True)
    }


def _product(who: str) -> str:
    """«Redis 7.0.15 · programa real» sin su versión: la cambia quien actualiza el sistema, y no es otro."""
    return re.sub(r" v?\d[\w.]*", "", who)


def check(fresh: str, written: str) -> int:
    """1 si la página escrita promete algo que hoy no se cumple, o dice que contesta quien no contesta.

    Una línea que ya no existe también es una promesa de más. Lo nuevo, y otra versión del mismo programa, solo se
    enseña.
    """
    worth = {"✔": 2, "✔ en parte": 1}
    broken = 0
    now, then = marks(fresh), marks(written)
    for line in sorted(now.keys() | then.keys()):
        said, seen = then.get(line, "nada"), now.get(line, "ya no existe")
        if said != seen:
            print(f"{' · '.join(line)}: la página dice «{said}»; hoy, «{seen}»")
            broken += worth.get(said, 0) > worth.get(seen, 0) or line not in now
    today, before = answering(fresh), answering(written)
    for where in sorted(today.keys() | before.keys()):
        said, seen = before.get(where, ""), today.get(where, "")
        if said != seen:
            print(f"{' · '.join(where)}: la página dice que contesta «{said}»; hoy, «{seen}»")
            broken += _product(said) != _product(seen)
    if broken:
        print("docs/verificado.md no es lo de hoy: escríbela con «python -m tests.verificado CARPETA».")
    return 1 if broken else 0


def main() -> int:
    """0 si todo va bien; 1 si faltan resultados o la página no es lo de hoy."""
    parser = argparse.ArgumentParser(prog="python -m tests.verificado", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="CARPETA")
    parser.add_argument("--comprobar", action="store_true")
    given = parser.parse_args()
    missing = [name for name in RUNTIMES if not (given.folder / f"{name}.xml").exists()]
    if missing:
        print(
            f"Faltan resultados en {given.folder}: {', '.join(f'{name}.xml' for name in missing)}", file=sys.stderr
        )
        return 1
    text = page({name: read(given.folder / f"{name}.xml") for name in RUNTIMES})
    if given.comprobar:
        return check(text, PAGE.read_text("utf-8") if PAGE.exists() else "")
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
