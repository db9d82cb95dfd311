"""Las credenciales: se inventan en el primer `up`, viven en un fichero 0600 y no salen en ningún otro sitio."""

from __future__ import annotations

import json
import secrets
import string
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from stack.files import state_error, write_whole

_LETTERS = string.ascii_letters
_ALPHABET = string.ascii_letters + string.digits

# Solo letras y números, y una letra delante: así valen tal cual en un URL, en YAML (donde «12e4» sería un número)
# y para MinIO. Con 43 caracteres son 255 bits; a las claves de acceso, que no son secretas, les bastan 20.
# MinIO admite de 3 a 20 en la de acceso y de 8 a 40 en la secreta:
# https://min.io/docs/minio/linux/administration/identity-access-management.html
_LENGTHS = (("access_key", 20), ("secret_key", 40))
_LENGTH = 43


def generate(name: str) -> str:
    """Una credencial nueva; si `name` es de S3 (`…_access_key`, `…_secret_key`), con el largo que admite MinIO."""
    length = next((size for ending, size in _LENGTHS if name.endswith(ending)), _LENGTH)
    return secrets.choice(_LETTERS) + "".join(secrets.choice(_ALPHABET) for _ in range(length - 1))


def read(path: Path) -> dict[str, str] | None:
    """Las credenciales guardadas (nombre en minúsculas → valor), `{}` si no hay, `None` si no se entienden."""
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise state_error(path, error, "leer") from error
    except ValueError:
        return None
    if not isinstance(document, dict) or not all(isinstance(value, str) and value for value in document.values()):
        return None
    return document


def ensure(path: Path, names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Las de `path`, con las de `names` que falten recién inventadas, y los avisos que la persona debe ver.

    Raises:
        StateError: el fichero no se puede leer o escribir.
    """
    notices = []
    known = read(path)
    if known is None:
        aside = path.with_name(f"{path.name}.roto-{time.strftime('%Y%m%d-%H%M%S')}")
        try:
            path.replace(aside)
        except OSError as error:
            raise state_error(path, error, "apartar") from error
        notices.append(
            f"El fichero de credenciales no se entendía. Lo he apartado en {aside} y he hecho otras nuevas: "
            "los servicios que las usan se arrancan otra vez."
        )
        known = {}
    elif known and path.stat().st_mode & 0o077:
        path.chmod(0o600)
        notices.append(f"Otras personas de este equipo podían leer {path}; ya no pueden.")
    missing = [name for name in dict.fromkeys(names) if name not in known]
    if missing:
        known |= {name: generate(name) for name in missing}
        write_whole(path, json.dumps(known, indent=1, sort_keys=True) + "\n")
    return known, notices


def as_variables(known: Mapping[str, str]) -> dict[str, str]:
    """Con los nombres en mayúsculas, como se escriben en las plantillas."""
    return {name.upper(): value for name, value in known.items()}


def redact(text: str, known: Iterable[str]) -> str:
    """`text` sin ninguno de los valores `known`: lo que vaya a leer una persona o a guardarse pasa por aquí."""
    for value in known:
        text = text.replace(value, "•••")
    return text
