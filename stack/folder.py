"""La carpeta de un laboratorio: qué hay en ella y cómo se llama.

<raíz>/<proyecto>/            0700
  lock                        quién tiene el laboratorio ahora (stack.lock)
  state.json, state.json.bak  puertos y lo último que se arrancó (stack.state)
  credentials.json            0600 (stack.credentials)
  faults/                     averías por deshacer (stack.faults)
  logs/<servicio>.log         (stack.logs)
  services/<servicio>/        sus carpetas config/ y data/ (stack.prepare)
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from stack.errors import UsageError
from stack.files import make_private

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def home() -> Path:
    """La raíz de todos los laboratorios: `STACKLAB_HOME` o la carpeta de estado de la persona en su sistema.

    Raises:
        UsageError: `STACKLAB_HOME` empieza por `~alguien` y no existe esa persona.
    """
    if given := os.environ.get("STACKLAB_HOME"):
        try:
            return Path(given).expanduser().absolute()
        except RuntimeError as error:
            raise UsageError(
                f"STACKLAB_HOME es «{given}» y no se sabe qué carpeta es esa",
                "Empieza por ~ y el nombre de alguien que no existe en este equipo.",
                "STACKLAB_HOME=$HOME/stacklab stacklab doctor",
            ) from error
    from platformdirs import user_state_path

    return user_state_path("stacklab", appauthor=False)


@dataclass(frozen=True, slots=True)
class Folder:
    """Las rutas de un laboratorio. Construirla no toca el disco."""

    path: Path

    @classmethod
    def of(cls, project: str, root: Path | None) -> Folder:
        """La del proyecto `project`; `UsageError` si el nombre no puede serlo de una carpeta."""
        if not _PROJECT.fullmatch(project):
            raise UsageError(
                f"«{project}» no vale como nombre de proyecto",
                "Solo minúsculas sin acentos, números, guiones y guiones bajos, hasta 40.",
                "stacklab status --project aula-07",
            )
        return cls((home() if root is None else root.absolute()) / project)

    @property
    def label(self) -> str:
        """La etiqueta que llevan los procesos de este laboratorio: única en la máquina y fácil de reconocer."""
        digest = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:10]
        return f"{self.path.name}-{digest}"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def credentials(self) -> Path:
        return self.path / "credentials.json"

    @property
    def faults(self) -> Path:
        return self.path / "faults"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def services(self) -> Path:
        return self.path / "services"

    def log(self, service: str) -> Path:
        """El fichero de log de `service`."""
        return self.logs / f"{service}.log"

    def create(self) -> None:
        """Crea las carpetas, solo para quien las usa; `StateError` si no se puede."""
        for folder in (self.path, self.faults, self.logs, self.services):
            make_private(folder)
