"""Kafka: el registro de mensajes por el que los microservicios se avisan sin esperarse."""

from pathlib import Path

from stack.model import Binary, ConfigFile, Container, Embedded, Fidelity, KafkaProbe, Link, Port, Service

_CONFIG = Path(__file__).parent / "config"

# Ajustes de un laboratorio con un solo intermediario; `config/server.properties` explica los mismos, uno a uno.
# Con una sola variable `KAFKA_*` la imagen olvida toda su configuración de fábrica, así que están todas.
_IMAGE_SETTINGS = {
    # Tiene que ser siempre el mismo: con otro no querría abrir los datos que ya guardó.
    "CLUSTER_ID": "c3RhY2tsYWIta2Fma2EtMQ",
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@kafka:29093",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    # Dos puertas para lo mismo, porque Kafka le dice a cada cliente a qué dirección volver: por PLAINTEXT_HOST
    # entran los programas de esta máquina; por PLAINTEXT, los demás contenedores.
    "KAFKA_LISTENERS": "CONTROLLER://:29093,PLAINTEXT_HOST://:${LISTEN_BROKER_PORT},PLAINTEXT://:19092",
    "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT_HOST://${KAFKA_BROKER_BROWSER_ADDRESS},PLAINTEXT://kafka:19092",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": ("CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT"),
    "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
    "KAFKA_NUM_PARTITIONS": "4",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "true",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_NUM_PARTITIONS": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_HEAP_OPTS": "-Xms400m -Xmx400m",
}

KAFKA = Service(
    name="kafka",
    title="Kafka",
    summary="Guarda los mensajes en orden y los entrega a quien los pida, ahora o más tarde.",
    ports=(Port("broker", 9092, scheme="kafka", network=19092),),
    probe=KafkaProbe("broker"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.kafka.embedded"),
        product="Kafka didáctico de stacklab",
        fidelity=Fidelity.EMBEDDED,
        memory_mb=23,
    ),
    binaries=(
        Binary(
            home="KAFKA_HOME",
            program="bin/kafka-server-start.sh",
            version_glob="libs/kafka_2.13-*.jar",
            at_least=(3, 7),
            product="Apache Kafka",
            argv=("${PYTHON}", "-m", "stack.kafka.program", "${PROGRAM}"),
            config=tuple(
                ConfigFile(name, (_CONFIG / name,)) for name in ("server.properties", "log4j2.properties")
            ),
            memory_mb=210,
            ready_timeout_s=60.0,
        ),
    ),
    container=Container(
        image="kafka",
        env=_IMAGE_SETTINGS,
        volume="/var/lib/kafka/data",
        memory_mb=700,
        ready_timeout_s=90.0,
    ),
    exports={"KAFKA_BOOTSTRAP_SERVERS": "${KAFKA_BROKER_ADDRESS}"},
    links=(Link("Topics, mensajes y grupos", "${CONSOLE_HTTP_BROWSER_URL}/kafka"),),
)
