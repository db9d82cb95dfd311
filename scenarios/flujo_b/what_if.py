"""Qué pasa cuando algo no va bien: cada caso de la tabla de `docs/flujo-b.md`, que es también una prueba."""

from __future__ import annotations

from scenarios.engine.authoring import WhatIf

CASES = (
    WhatIf(
        "wrong_password_or_nobody",
        "La contraseña es otra, o no existe esa cuenta",
        "401 con la misma frase y tardando lo mismo en los dos casos. Ni sesión ni suceso.",
    ),
    WhatIf(
        "guessing_one_account",
        "Alguien prueba contraseñas con una cuenta",
        "Al sexto intento en 5 minutos, 429 con `Retry-After`, aunque la sexta sea la buena. Las demás cuentas no "
        "lo notan. El reverso: quien quiera molestar puede frenar cinco minutos una cuenta ajena.",
    ),
    WhatIf(
        "guessing_from_one_place",
        "Alguien prueba muchas cuentas desde un mismo sitio",
        "Kong contesta 429 al pasar de su límite por dirección, sin que Auth llegue a enterarse.",
    ),
    WhatIf(
        "log_out",
        "Se cierra la sesión",
        "Ese token deja de valer en el acto (401), aunque no haya caducado. Las otras sesiones de la misma "
        "persona siguen abiertas.",
    ),
    WhatIf(
        "rotated_key",
        "Se rota la clave con gente dentro",
        "Nadie se entera: los tokens de antes valen hasta que caducan y los nuevos van firmados con la nueva. Si "
        "se retira la vieja, lo firmado con ella deja de valer.",
    ),
    WhatIf(
        "deleted_key",
        "Alguien borra la clave en Vault",
        "503: nadie nuevo entra, y quien estaba dentro tampoco pasa, hasta que se recupera (KV v2 borra sin "
        "tirar) o se rota.",
    ),
    WhatIf(
        "kong_restarts",
        "Kong se para después de rotar, y vuelve",
        "Mientras no está, la conexión se rechaza. Al volver lee otra vez su fichero y no admite (401) lo firmado "
        "con la clave nueva, hasta que `synchronise` se la recuerda.",
    ),
    WhatIf(
        "vault_down",
        "Vault no está",
        "Nadie nuevo entra: 503. Al volver, que vuelve habiéndolo olvidado todo, se siembra otra vez y Auth se "
        "presenta de nuevo sin reiniciarse.",
    ),
    WhatIf("database_down", "La base de datos no está", "503, sin sesión. Al volver se entra sin tocar Auth."),
    WhatIf("redis_down", "Redis no está", "503: sin poder abrir ni cerrar sesiones no se deja entrar a nadie."),
    WhatIf(
        "kafka_down",
        "Kafka no está",
        "Se entra igual, un segundo más tarde. El suceso se pierde y se cuenta en `auth_events_lost_total`.",
    ),
    WhatIf(
        "watchers_down",
        "No están Jaeger, Prometheus, Grafana ni Consul",
        "Se entra igual y sin esperar: los que miran no pueden parar a los que trabajan. Esa traza se pierde.",
    ),
    WhatIf(
        "auth_killed",
        "Auth muere a mitad de un login",
        "Quien entraba recibe un 502 de Kong. Como la sesión va antes que el suceso, no queda ningún suceso de un "
        "login que no llegó a ser. Al volver se entra.",
    ),
    WhatIf(
        "analytics_killed",
        "Analytics muere con un suceso en la mano",
        "No se confirmó, así que al volver lo lee otra vez y lo cuenta: una vez.",
    ),
    WhatIf("duplicate", "Kafka entrega dos veces el mismo suceso", "Cuenta una; el otro sale como repetido."),
    WhatIf(
        "unreadable",
        "Llega un suceso que no se entiende",
        "Se aparta en `usuario_autenticado.dlq` con el motivo y se cuenta; los que venían detrás se atienden.",
    ),
    WhatIf(
        "fifty_at_once",
        "Entran cincuenta a la vez",
        "Entran los cincuenta, cada uno con su sesión, su token y su suceso. Se comprueban cuatro contraseñas a "
        "la vez: los demás esperan su turno.",
    ),
)
