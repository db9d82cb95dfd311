"""Qué cubre y qué no el suplente embebido de Kafka. Solo datos: los enseña la página `/kafka/cobertura`."""

from __future__ import annotations

IMITATES = "Apache Kafka 4.3"

COVERS: tuple[str, ...] = (
    "Producir y consumir con confluent-kafka, kafka-python o aiokafka, desde tantos procesos como quieras.",
    "Claves que van siempre a la misma partición, cabeceras, fechas, mensajes sin valor y cuatro compresiones.",
    "Productor idempotente: un reintento no duplica el mensaje.",
    "Grupos de consumidores: reparto, relevo cuando alguien entra, se va o muere, y confirmación de offsets.",
    "Miembros fijos (group.instance.id): quien vuelve a tiempo conserva sus particiones sin molestar a nadie.",
    "Volver a leer desde el principio, desde un offset o desde una fecha.",
    "AdminClient: crear, describir, ampliar y borrar topics; borrar mensajes; ver y cambiar su retención.",
    "AdminClient: listar, describir, mover y borrar grupos, con lo confirmado y lo que les falta por leer (lag).",
    "Crear un topic la primera vez que se nombra, con 4 particiones (en Kafka, 1 si nadie lo cambia).",
    "Los mismos códigos de error que Kafka: topic repetido, nombre no válido, partición que no existe…",
)

LACKS: tuple[str, ...] = (
    "Nada sobrevive a un reinicio: los mensajes y los grupos viven en memoria.",
    "Guarda hasta 16 MiB por partición y 64 MiB en total; al pasarse olvida lo más viejo (en Kafka decides tú).",
    "Un solo intermediario: ni réplicas, ni cambio de líder, ni factor de replicación mayor que 1.",
    "Transacciones: un productor con transactional.id recibe un error de autorización.",
    "Compactación (cleanup.policy=compact) y cualquier otra opción de topic que no esté en su lista: se rechazan.",
    "El protocolo de grupos nuevo (group.protocol=consumer da un error fatal) y los grupos compartidos.",
    "Usuarios, permisos, TLS y cuotas: solo escucha en esta máquina.",
    "No comprueba la suma CRC de los lotes; un consumidor la comprueba si activa check.crcs.",
    "Buscar por fecha dentro de un lote comprimido con snappy, lz4 o zstd da el principio del lote.",
    "Retiene la respuesta de un latido hasta 5 s para avisar antes de un reparto; Kafka contesta en el acto.",
)
