"""Lo que cada microservicio del flujo B puede leer en Vault, y nada más.

Auth lo pide allí al arrancar y en cada login. Analytics no necesita ningún secreto: no tiene permiso ni identidad.
"""

from __future__ import annotations

from stack.vault.seed import Grant

GRANTS = (Grant("auth", reads=("jwt", "database")),)
