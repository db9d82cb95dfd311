"""Construye las imágenes de la maqueta en un motor de Docker sin conexión a ningún registro de imágenes.

    tests/rig/imagenes [NOMBRE…]       todas, o las que se nombren

Cada imagen lleva una etiqueta con la huella de todo lo que la forma: la segunda vez, si nada ha cambiado, no se
hace nada. La base se instala con debootstrap; lo demás son Dockerfiles de `images/`, con los programas que dejó
`tests/real/preparar`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import docker
from docker.errors import BuildError, DockerException, ImageNotFound

from stack.containers.images import load
from tests.rig.recipes import HERE, RECIPES, Missing, Recipe

RIG, PRODUCT, FIDELITY, CONTENT = "stacklab.rig", "stacklab.product", "stacklab.fidelity", "stacklab.content"
BASE_PACKAGES = "ca-certificates,curl,wget"
# Lo que ninguna imagen de pruebas necesita. Las carpetas de manuales se quedan, vacías: Java y PostgreSQL crean
# enlaces dentro.
BASE_LEFT_OUT = (
    "usr/share/doc/*",
    "usr/share/man/*/*",
    "usr/share/locale/*",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
)
BUILD_S = 900


class Builder:
    """Hace imágenes en el motor `client`; cada receta, una sola vez."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._done: dict[str, str] = {}
        self._locks = {name: threading.Lock() for name in ("base", *RECIPES)}

    def ensure(self, name: str) -> str:
        """El identificador de la imagen `name`, que se construye si falta o si ha cambiado algo suyo."""
        with self._locks[name]:
            if name not in self._done:
                self._done[name] = self._base() if name == "base" else self._image(RECIPES[name])
            return self._done[name]

    def _image(self, recipe: Recipe) -> str:
        base = self.ensure(recipe.base)
        tag, content = reference(recipe.name), fingerprint(recipe, base)
        if present := self._present(tag, content):
            return present
        begun = time.monotonic()
        labels = {
            RIG: "1",
            PRODUCT: recipe.product(),
            FIDELITY: recipe.fidelity,
            CONTENT: content,
        }
        with tempfile.TemporaryFile() as context:
            pack(recipe, context)
            context.seek(0)
            try:
                image, _ = self._client.images.build(
                    fileobj=context,
                    custom_context=True,
                    tag=tag,
                    buildargs={"BASE": base},
                    labels=labels,
                    # apt, desde dentro, sale por la red de esta máquina: no depende de las reglas del cortafuegos.
                    network_mode="host",
                    rm=True,
                    forcerm=True,
                    timeout=BUILD_S,
                )
            except BuildError as error:
                log = "".join(line.get("stream") or line.get("error") or "" for line in error.build_log)
                raise Missing(f"{recipe.name} no se construye:\n{log[-3000:]}") from error
        say(recipe.name, f"{labels[PRODUCT]} como {tag}", begun)
        return str(image.id)

    def _base(self) -> str:
        site, codename = debian_source()
        content = digest(codename, BASE_PACKAGES, *BASE_LEFT_OUT)
        tag = reference("base")
        if present := self._present(tag, content):
            return present
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="stacklab-base-") as folder:
            root = Path(folder) / "raiz"
            command = ["debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", codename, str(root), site]
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            if made.returncode:
                raise Missing(
                    f"debootstrap no ha podido hacer la base:\n{made.stdout[-1500:]}{made.stderr[-500:]}"
                )
            copy_apt_sources(root)
            archive = Path(folder) / "base.tar"
            left_out = [f"--exclude=./{path}" for path in BASE_LEFT_OUT]
            subprocess.run(["tar", "-C", str(root), *left_out, "-cf", str(archive), "."], check=True)
            repository, _, version = tag.rpartition(":")
            changes = [f"LABEL {RIG}=1 {CONTENT}={content}", 'CMD ["bash"]']
            self._client.api.import_image(str(archive), repository=repository, tag=version, changes=changes)
        say("base", f"{codename} mínima", begun)
        return str(self._client.images.get(tag).id)

    def _present(self, tag: str, content: str) -> str | None:
        try:
            image = self._client.images.get(tag)
        except ImageNotFound:
            return None
        if RIG not in image.labels and tag in {one.reference for one in load().values()}:
            raise Missing(f"{tag} ya está en este motor y no es de la maqueta: no la piso")
        return str(image.id) if image.labels.get(CONTENT) == content else None

    def sweep(self) -> None:
        """Borra las versiones anteriores de nuestras imágenes, que se han quedado sin nombre."""
        self._client.images.prune(filters={"dangling": True, "label": f"{RIG}=1"})


def reference(name: str) -> str:
    """Con qué nombre se guarda: el oficial, o uno propio para las que solo son cimiento."""
    official = load().get(name)
    return official.reference if official else f"stacklab-rig/{name}:1"


def digest(*parts: str) -> str:
    """La huella de unas cadenas, en el orden dado."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def fingerprint(recipe: Recipe, base: str) -> str:
    """La huella de todo lo que forma la imagen: su base, su receta y lo que se copia en ella."""
    parts = [base, recipe.product(), recipe.fidelity, *recipe.seals()]
    inputs = {} if recipe.seals() else recipe.inputs()
    for name, path in sorted(files(recipe, inputs)):
        with path.open("rb") as stream:
            parts += [name, str(path.stat().st_mode & 0o777), hashlib.file_digest(stream, "sha256").hexdigest()]
    return digest(*parts)


def files(recipe: Recipe, inputs: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Cada fichero del contexto, por el nombre con que lo ve el Dockerfile."""
    for name, top in {"": HERE / recipe.name, **inputs}.items():
        if top.is_file():
            yield name, top
        else:
            yield from ((str(Path(name) / inside), path) for inside, path in under(top, recipe.left_out))


def under(top: Path, left_out: tuple[str, ...] = ()) -> Iterator[tuple[str, Path]]:
    """Los ficheros y enlaces de la carpeta `top`, por su ruta dentro de ella, siempre en el mismo orden."""
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        links = (one for one in folders if (Path(folder) / one).is_symlink())
        for name in sorted((*names, *links)):
            if not name.endswith(left_out):
                path = Path(folder) / name
                yield str(path.relative_to(top)), path


def pack(recipe: Recipe, target: IO[bytes]) -> None:
    """Escribe el contexto en `target`."""
    inputs = dict(recipe.inputs())
    whole = {name: inputs.pop(name) for name in tuple(inputs) if name.endswith(".tar")}
    with tarfile.open(fileobj=target, mode="w|") as archive:
        for name, path in files(recipe, inputs):
            add(archive, name, path)
        for name, folder in whole.items():
            with tempfile.NamedTemporaryFile() as inner:
                with tarfile.open(fileobj=inner, mode="w|") as nested:
                    for inside, path in under(folder, recipe.left_out):
                        add(nested, inside, path)
                inner.flush()
                add(archive, name, Path(inner.name))


def add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    """Añade un fichero o un enlace, sin dueño."""
    entry = archive.gettarinfo(path, name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    if entry.isfile():
        with path.open("rb") as stream:
            archive.addfile(entry, stream)
    else:
        archive.addfile(entry)


def debian_source() -> tuple[str, str]:
    """De dónde y qué versión del sistema, lo mismo que usa apt en esta máquina."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text("utf-8").splitlines() if "=" in line
    )
    codename = release["VERSION_CODENAME"].strip('"')
    command = ["apt-get", "indextargets", "--format", "$(SITE)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        site, _, rest = line.partition("|")
        if rest == f"{codename}|main":
            return site, codename
    raise Missing(f"apt no tiene configurado de dónde bajar {codename}")


def copy_apt_sources(root: Path) -> None:
    """En la imagen, apt mira los mismos sitios del sistema que aquí (los parches de seguridad, sobre todo)."""
    command = ["apt-get", "indextargets", "--format", "$(SITE)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    codename = debian_source()[1]
    lines = [
        f"deb {site} {release} {component}"
        for site, release, component in (line.split("|") for line in dict.fromkeys(listed))
        if release.split("-")[0] == codename
    ]
    (root / "etc/apt/sources.list").write_text("\n".join(lines) + "\n", "utf-8")


def say(name: str, what: str, begun: float) -> None:
    """Una línea por imagen hecha."""
    print(f"{name}: {what}, en {time.monotonic() - begun:.1f} s".replace(".", ",", 0), flush=True)


def main() -> int:
    """0 si están todas; 1 si alguna no, con su causa en la salida de errores."""
    parser = argparse.ArgumentParser(
        prog="tests/rig/imagenes", description="Construye las imágenes de la maqueta."
    )
    official = [name for name in RECIPES if name in load()]
    parser.add_argument("nombres", nargs="*", metavar="NOMBRE", help=" ".join(official))
    wanted = parser.parse_args().nombres or official
    if unknown := set(wanted) - set(official):
        parser.error(f"no hay receta para {', '.join(sorted(unknown))}")
    begun = time.monotonic()
    try:
        client = docker.from_env(timeout=BUILD_S)
        builder = Builder(client)
        builder.ensure("base")
    except (DockerException, Missing) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    failed = False
    # Dos a la vez: mientras una baja paquetes, la otra copia.
    with ThreadPoolExecutor(2) as pool:
        for name, job in [(name, pool.submit(builder.ensure, name)) for name in wanted]:
            try:
                job.result()
            except (DockerException, Missing) as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed = True
    builder.sweep()
    print(f"{len(wanted)} imágenes, {time.monotonic() - begun:.1f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
