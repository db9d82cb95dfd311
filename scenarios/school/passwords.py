"""Guardar una contraseña sin guardarla: argon2id, lento a propósito y con una sal distinta para cada cuenta.

Las medidas (19 MiB, 2 vueltas, 1 hilo) son el mínimo que recomienda OWASP; con ellas, comprobar una cuesta 20 ms.
https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

# El resumen de una contraseña que no tiene nadie. Comprobar contra él cuesta lo mismo que contra uno de verdad:
# quien prueba correos al azar no distingue, por lo que se tarda, los que existen de los que no.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$TVjh8svT1yJxSJzEnzxXYQ$JTBr0P0gBRgmyFrLCz8EsPPNQO8ERNOYBnzJHU+xcHg"


def hash_password(password: str) -> str:
    """El resumen que se guarda, con sus medidas y su sal dentro."""
    return _HASHER.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Si `password` es la de ese resumen. Con `None` (no existe esa cuenta) es que no, y tarda lo mismo."""
    try:
        return _HASHER.verify(stored or _NOBODY, password) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False
