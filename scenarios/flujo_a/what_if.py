"""Qué pasa cuando algo no va bien: cada caso de la tabla de `docs/flujo-a.md`, que es también una prueba."""

from __future__ import annotations

from scenarios.engine.authoring import WhatIf

CASES = (
    WhatIf(
        "uploads_dies_before_telling",
        "Uploads muere con la foto guardada y sin haber avisado a Kafka",
        "Quien subía recibe un 502 de Kong. Queda la foto en MinIO, y nadie la nombra: ni suceso ni dirección. "
        "Al volver, repetir sube otra y todo sigue. La huérfana solo ocupa sitio.",
    ),
    WhatIf(
        "uploads_dies_before_answering",
        "Uploads muere con todo hecho y sin haber contestado",
        "502: quien subía no sabe si llegó, y llegó. Las miniaturas se hacen sin él, porque el suceso ya estaba "
        "en Kafka. Si repite tendrá dos fotos, y vale la última.",
    ),
    WhatIf(
        "thumbnails_dies_with_a_message",
        "Thumbnails muere con el mensaje en la mano",
        "Como no lo confirmó, al volver lo lee otra vez y acaba: las mismas miniaturas, en los mismos sitios. "
        "Quien subió la foto no se entera.",
    ),
    WhatIf(
        "thumbnails_is_down",
        "Thumbnails no está",
        "Se sube igual, y la foto se ve entera. El mensaje espera en Kafka, y al volver se atiende.",
    ),
    WhatIf(
        "kafka_is_down",
        "Kafka no está",
        "503 a los tres segundos, y no queda nada: la foto recién guardada se borra, porque sin el suceso nadie "
        "le haría las miniaturas. Al volver se sube, y se hacen, sin reiniciar a nadie.",
    ),
    WhatIf(
        "minio_is_down",
        "MinIO no está",
        "503, sin haber avisado a nadie; las fotos de antes tampoco se ven (503). Al volver se ven y se sube.",
    ),
    WhatIf(
        "minio_leaves_before_the_thumbnails",
        "MinIO se va con la foto ya subida y las miniaturas por hacer",
        "Thumbnails lo intenta tres veces y aparta el mensaje en `avatar_subido.dlq`, con el motivo, para no "
        "tapar a los de detrás. Nadie lo repite solo: cuando MinIO vuelve, basta con publicarlo otra vez.",
    ),
    WhatIf(
        "redis_is_down",
        "Redis no está",
        "200: ahí solo hay copias, y se sigue sin ellas. La foto se ve y las miniaturas se hacen; sus "
        "direcciones no se apuntan hasta la próxima subida.",
    ),
    WhatIf(
        "kong_is_down",
        "Kong no está",
        "La conexión se rechaza: es la única puerta. Dentro siguen todos vivos y no queda nada a medias. Al "
        "volver lee su fichero y deja pasar como antes.",
    ),
    WhatIf(
        "consul_is_down",
        "Consul no está",
        "Se sube igual: para subir una foto nadie le pregunta. Al volver no recuerda a nadie, y los "
        "microservicios se apuntan otra vez solos.",
    ),
    WhatIf(
        "jaeger_is_down",
        "Jaeger no está",
        "Se sube igual y sin esperar. Cada microservicio insiste dos segundos en mandar sus spans y los da por "
        "perdidos: esa traza no estará. Al volver, las siguientes sí.",
    ),
    WhatIf(
        "prometheus_is_down",
        "Prometheus no está",
        "Se sube igual. La cuenta la lleva cada microservicio, así que al volver lee el total: falta el dibujo "
        "de ese rato, no las subidas.",
    ),
    WhatIf(
        "grafana_is_down",
        "Grafana no está",
        "Se sube igual y Prometheus lo apunta: lo que falta es dónde mirarlo. Al volver, el tablero enseña "
        "también ese rato.",
    ),
    WhatIf(
        "the_same_message_comes_twice",
        "Kafka entrega dos veces el mismo mensaje",
        "Se atiende dos veces y queda lo mismo: las claves salen de la foto, y la segunda vez se escribe encima "
        "lo que ya estaba.",
    ),
    WhatIf(
        "it_is_not_understood",
        "Llega un mensaje que no se entiende, o de una foto que no existe",
        "Se aparta en `avatar_subido.dlq` tal como llegó, con el motivo y de dónde venía, y se cuenta. Los que "
        "venían detrás se atienden.",
    ),
    WhatIf(
        "fifty_at_once",
        "Cincuenta personas suben su foto a la vez",
        "Cada una recibe la dirección de su foto, y sus tres miniaturas son de la suya.",
    ),
)
