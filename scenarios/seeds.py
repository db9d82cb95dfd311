"""Lo que el laboratorio deja en un servicio recién arrancado (`Service.seed`), con lo que aporta cada flujo.

Un flujo dice en su `secrets.py` qué microservicios suyos leen qué secretos de Vault (`GRANTS`) y qué secretos más
hacen falta (`SECRETS`); no hay que tocar nada fuera de su carpeta.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from stack.vault.seed import Grant, Secret, plant

_HERE = Path(__file__).parent

SECRETS = (
    Secret("minio", {"access_key": "MINIO_ACCESS_KEY", "secret_key": "MINIO_SECRET_KEY"}),
    Secret("jwt", {"key": "JWT_SECRET"}),
    Secret("database", {"password": "DATABASE_PASSWORD"}),
)
"""Los de todo el laboratorio: sus credenciales."""


def database(names: Mapping[str, str]) -> None:
    """Deja la escuela en la base de datos."""
    from scenarios.school.seed import plant as plant_school

    plant_school(names["DATABASE_URL"], names["SCHOOL_PASSWORD"])


def vault(names: Mapping[str, str]) -> None:
    """Deja en Vault los secretos y lo que puede leer cada microservicio."""
    secrets, grants = gathered(_HERE.glob("flujo_*"))
    plant(names, secrets, grants)


def gathered(folders: Iterable[Path]) -> tuple[list[Secret], list[Grant]]:
    """Los secretos y los permisos de todo el laboratorio y de las carpetas de flujos `folders`.

    Un microservicio de dos flujos puede lo que diga cada uno.

    Raises:
        ValueError: dos carpetas declaran el mismo secreto y distinto.
    """
    secrets = {secret.path: secret for secret in SECRETS}
    grants: dict[str, Grant] = {}
    for folder in sorted(folders):
        if not (folder / "secrets.py").is_file():
            continue
        module = import_module(f"scenarios.{folder.name}.secrets")
        for secret in getattr(module, "SECRETS", ()):
            if secrets.setdefault(secret.path, secret) != secret:
                raise ValueError(f"{folder.name} declara otra vez el secreto «{secret.path}», y distinto")
        for grant in getattr(module, "GRANTS", ()):
            grants[grant.microservice] = grant.joined(grants.get(grant.microservice))
    return list(secrets.values()), list(grants.values())
