"""Lo que cada microservicio del flujo A puede leer en Vault, y nada más.

El diagrama no tiene Vault y los dos reciben sus claves en el entorno. El permiso es el que les tocaría: lo mismo
que reciben, ni un secreto más.
"""

from __future__ import annotations

from stack.vault.seed import Grant

GRANTS = (Grant("uploads", reads=("minio", "jwt")), Grant("thumbnails", reads=("minio",)))
