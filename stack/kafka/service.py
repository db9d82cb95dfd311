"""Kafka: el registro de mensajes por el que los microservicios se avisan sin esperarse."""

from stack.model import Embedded, Fidelity, KafkaProbe, Link, Port, Service

KAFKA = Service(
    name="kafka",
    title="Kafka",
    summary="Guarda los mensajes en orden y los entrega a quien los pida, ahora o más tarde.",
    ports=(Port("broker", 9092, scheme="kafka"),),
    probe=KafkaProbe("broker"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.kafka.embedded"),
        product="Kafka didáctico de stacklab",
        fidelity=Fidelity.EMBEDDED,
        memory_mb=23,
    ),
    exports={"KAFKA_BOOTSTRAP_SERVERS": "${KAFKA_BROKER_ADDRESS}"},
    links=(Link("Topics, mensajes y grupos", "${CONSOLE_HTTP_BROWSER_URL}/kafka"),),
)
