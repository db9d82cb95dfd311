"""Lo que cada microservicio del flujo B puede leer en Vault, y nada más."""

from __future__ import annotations

from stack.vault.seed import Grant

GRANTS = (Grant("auth", reads=("jwt", "database")),)
