"""Lo que cada microservicio del flujo C puede leer en Vault, y nada más.

La clave de una pasarela no la lee la otra. El diagrama no tiene Vault y los tres reciben sus claves en el entorno:
el permiso es el que les tocaría, lo mismo que reciben y ni un secreto más.
"""

from __future__ import annotations

from stack.vault.seed import Grant, Secret

SECRETS = (
    Secret("pasarelas-pago-1", {"key": "COBROS_KEY_1"}),
    Secret("pasarelas-pago-2", {"key": "COBROS_KEY_2"}),
)

GRANTS = (Grant("finanzas", reads=("jwt",)), *(Grant(secret.path, reads=(secret.path,)) for secret in SECRETS))
