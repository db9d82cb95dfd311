"""El puente: deja que un contenedor hable con lo que corre fuera de Docker, en esta misma máquina.

Los microservicios y los suplentes escuchan solo en 127.0.0.1, y ahí un contenedor no llega: su 127.0.0.1 es otro.
En Linux esta máquina tiene además una dirección en la red de los contenedores; el puente escucha en ella.
"""

from stack.model import Embedded, Fidelity, HttpProbe, Kind, Port, Service

BRIDGE = Service(
    name="bridge",
    title="Puente a Docker",
    summary="Lleva a esta máquina lo que los contenedores le piden: ellos solos no llegan a 127.0.0.1.",
    kind=Kind.BRIDGE,
    ports=(Port("http", 9079),),
    probe=HttpProbe("http", "/", contains="puente"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.bridge"),
        product="stacklab",
        fidelity=Fidelity.BINARY,
        memory_mb=16,
        env={"HOST_PORTS": "${HOST_PORTS}", "NETWORK_INTERFACE": "${NETWORK_INTERFACE}"},
    ),
)
