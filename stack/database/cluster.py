"""La carpeta de datos de PostgreSQL: se crea una vez, y en cada arranque se mira si la contraseña sigue valiendo.

Hay una por versión mayor, porque los ficheros de una no los lee otra.
https://www.postgresql.org/docs/current/creating-cluster.html
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PATIENCE_S = 60
_FOREIGN_PREFIXES = ("PG", "POSTGRES_")


class Cluster:
    """Una carpeta de datos de PostgreSQL (*cluster*, en sus palabras) y el programa que la lleva."""

    def __init__(self, program: Path, root: Path, settings: Mapping[str, str]) -> None:
        self.program = program
        self.major = major_version(program)
        self.folder = root / f"postgresql-{self.major}"
        self._user, self._database = settings["POSTGRES_USER"], settings["POSTGRES_DB"]
        self._password = settings["POSTGRES_PASSWORD"]
        self.environment = {
            name: value for name, value in settings.items() if not name.startswith(_FOREIGN_PREFIXES)
        }

    def prepare(self) -> None:
        """La crea si no existe, y cambia la contraseña si el laboratorio tiene ahora otra."""
        mark = self.folder / "contraseña.sha256"
        digest = hashlib.sha256(self._password.encode()).hexdigest()
        if not self.folder.is_dir():
            # A medias no vale: se hace al lado y se le da su nombre cuando está entera.
            draft = self.folder.with_name(f"{self.folder.name}.a-medias")
            shutil.rmtree(draft, ignore_errors=True)
            self._create(draft)
            (draft / mark.name).write_text(digest, "utf-8")
            draft.rename(self.folder)
        elif not mark.is_file() or mark.read_text("utf-8") != digest:
            self._alone(self.folder, f"ALTER ROLE {self._user} PASSWORD '{self._password}';\n")
            mark.write_text(digest, "utf-8")

    def command(self, config: Path) -> list[str]:
        """La orden del servidor: su configuración es la del laboratorio y solo se entra por TCP."""
        return [
            *(str(self.program), "-D", str(self.folder)),
            *("-c", f"config_file={config / 'postgresql.conf'}"),
            *("-c", "unix_socket_directories="),
            # Desde la 18 lee del disco con procesos aparte: aquí sobran.
            *(("-c", "io_method=sync") if self.major >= 18 else ()),
        ]

    def _create(self, folder: Path) -> None:
        initdb = self.program.with_name("initdb")
        if not initdb.is_file():
            sys.exit(f"Junto a {self.program} falta «initdb», que crea la carpeta de datos.")
        # Mayúsculas y orden de cualquier alfabeto, sin depender de los idiomas instalados en el equipo.
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if self.major >= 17 else ()
        read, write = os.pipe()
        with os.fdopen(write, "w") as password:
            password.write(self._password)
        try:
            self._run(
                [
                    *(str(initdb), "-D", str(folder), "-U", self._user, f"--pwfile=/dev/fd/{read}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", *locale),
                    # Si la máquina se apaga ahora mismo, se vuelve a crear: no hay nada que perder.
                    *("--no-sync", "--no-instructions"),
                ],
                "crear la carpeta de datos",
                keep=read,
            )
        finally:
            os.close(read)
        self._alone(folder, f"CREATE DATABASE {self._database};\n")

    def _alone(self, folder: Path, statement: str) -> None:
        """Da una orden con el servidor parado, sin abrir ningún puerto y sin contraseña."""
        argv = [str(self.program), "--single", "-D", str(folder), "postgres"]
        self._run(argv, "preparar la base de datos", text=statement)

    def _run(self, argv: list[str], purpose: str, *, text: str = "", keep: int = -1) -> None:
        done = subprocess.run(
            argv,
            input=text,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            pass_fds=(keep,) if keep >= 0 else (),
        )
        told = done.stderr.strip()
        if done.returncode or "ERROR:" in told:
            # Un error cita la sentencia, y en ella puede ir la contraseña.
            sys.exit(f"PostgreSQL no pudo {purpose}:\n{told.replace(self._password, '•••')}")


def major_version(program: Path) -> int:
    """La versión mayor que dice ser: de «postgres (PostgreSQL) 15.18 (Debian …)», 15."""
    told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    number = re.search(r"\d+", told.stdout)
    if number is None:
        sys.exit(f"{program} no dice qué versión de PostgreSQL es: {told.stdout}{told.stderr}")
    return int(number.group())
