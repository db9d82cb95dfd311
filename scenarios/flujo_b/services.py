"""Los microservicios del flujo B, como los ve el laboratorio."""

from __future__ import annotations

from scenarios.microservice import DATABASE, KAFKA, REDIS, microservice, vault

AUTH = microservice(
    "auth",
    "Servicio Auth",
    "Comprueba la contraseña, abre la sesión y firma el token con la clave que guarda Vault.",
    port=7111,
    memory_mb=90,
    # De las credenciales solo tiene la de presentarse a Vault. La clave de los tokens y la contraseña de la base
    # de datos las pide allí.
    uses=(vault("auth"), DATABASE, REDIS, KAFKA),
    # Cada argon2 usa 19 MB un momento. De fábrica, glibc se los quedaría por si acaso, uno por hilo.
    env={"MALLOC_MMAP_THRESHOLD_": "1048576"},
)

ANALYTICS = microservice(
    "analytics",
    "Servicio Analytics",
    "Lee en Kafka quién ha entrado y lleva la cuenta de los usuarios activos.",
    port=7112,
    memory_mb=65,
    uses=(KAFKA, REDIS),
)

SERVICES = (AUTH, ANALYTICS)
