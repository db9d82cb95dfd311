"""Qué pasa cuando algo no va bien: cada caso de la tabla de `docs/flujo-c.md`, que es también una prueba."""

from __future__ import annotations

from scenarios.engine.authoring import WhatIf

CASES = (
    WhatIf(
        "it_dies_between_the_answer_and_the_call",
        "La pasarela se muere entre la respuesta de Consul y la llamada",
        "Finanzas prueba con la otra y cobra. Quien paga no se entera; en el tablero sube «Reintentos».",
    ),
    WhatIf(
        "it_dies_after_charging",
        "La pasarela se muere después de cobrar y antes de contestar",
        "La otra repite la orden con la misma clave y el proveedor devuelve el pago que ya hizo "
        "(`Idempotent-Replayed: true`). En su libro hay uno.",
    ),
    WhatIf(
        "the_healthy_one_is_killed",
        "Se recupera la enferma y se mata a la sana",
        "El cobro siguiente va a la que se recuperó.",
    ),
    WhatIf(
        "finance_dies_in_the_middle",
        "Finanzas se muere con el pago ya hecho",
        "A quien pagaba se le corta la conexión y no sabe si pagó. Lo repite con la misma clave y recibe el mismo "
        "pago.",
    ),
    WhatIf(
        "nobody_is_healthy",
        "No hay ninguna pasarela sana",
        "503 con `Retry-After`, diciendo que no hay ninguna y que no se ha cobrado nada.",
    ),
    WhatIf(
        "the_provider_is_slow",
        "El proveedor tarda más de lo que se le espera",
        "La pasarela insiste con la misma clave hasta que la primera orden acaba. Se cobra una vez.",
    ),
    WhatIf(
        "the_provider_fails",
        "El proveedor falla (500)",
        "503: no se pudo confirmar. Cuando el proveedor se arregla, repetirlo con la misma clave cobra una vez.",
    ),
    WhatIf(
        "the_bank_says_no",
        "El banco rechaza la tarjeta, o quiere que la persona confirme",
        "402 con el motivo, o 202. No se prueba con otra pasarela: no ha fallado nada.",
    ),
    WhatIf(
        "the_provider_is_down",
        "El proveedor no está",
        "Las pasarelas siguen vivas (`/health`) y dejan de estar listas (`/ready`): 503, no hay ninguna sana. Al "
        "volver se recuperan solas en un segundo.",
    ),
    WhatIf(
        "consul_is_down",
        "Consul no está",
        "Se sigue cobrando: durante 30 s vale su última respuesta. Al volver no recuerda a nadie, y todos los "
        "microservicios se apuntan otra vez sin que nadie los reinicie.",
    ),
    WhatIf(
        "the_watchers_are_down",
        "No están Jaeger, Prometheus ni Grafana",
        "Se cobra igual y sin esperar: los que miran no pueden parar a los que trabajan. La traza de ese "
        "cobro se pierde si Jaeger tarda en volver; la cuenta no, que la lleva cada microservicio y Prometheus la "
        "lee después.",
    ),
    WhatIf(
        "the_same_order_comes_twice",
        "La misma orden llega dos veces, o cinco a la vez",
        "Con la misma clave de idempotencia, un solo pago y la misma respuesta para todas. Con la misma clave y "
        "otro importe, 409.",
    ),
    WhatIf(
        "it_is_not_understood",
        "La orden no se entiende, o viene sin token",
        "422 o 401, sin llamar a nadie.",
    ),
    WhatIf(
        "fifty_at_once",
        "Cincuenta cobros a la vez",
        "Cincuenta pagos en el libro, cada uno con su importe y su estudiante.",
    ),
)
