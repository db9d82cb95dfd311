"""Consul: la guía de direcciones de los microservicios, que además comprueba si cada uno está sano."""

from pathlib import Path

from stack.model import Binary, ConfigFile, Container, Embedded, Fidelity, HttpProbe, Link, Port, Service

CONSUL = Service(
    name="consul",
    title="Consul",
    summary="Sabe dónde está cada servicio y si está sano; guarda claves y reparte cerrojos entre procesos.",
    ports=(Port("http", 8500),),
    # Mientras no hay líder contesta 200 con `""`; con él, `"dirección:puerto"`.
    probe=HttpProbe("http", "/v1/status/leader", contains=":"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.consul.embedded"),
        product="suplente de stacklab",
        fidelity=Fidelity.EMBEDDED,
        memory_mb=25,
    ),
    binaries=(
        Binary(
            program="consul",
            product="Consul",
            # En desarrollo es su propio servidor y lo guarda todo en memoria. De sus puertas solo hace falta la
            # de HTTP; las dos que no se pueden cerrar (la de los servidores y la de los vecinos) van donde quepan.
            argv=(
                "${PROGRAM}",
                "agent",
                "-dev",
                "-bind=${LISTEN_HOST}",
                "-client=${LISTEN_HOST}",
                "-http-port=${LISTEN_HTTP_PORT}",
                "-https-port=-1",
                "-dns-port=-1",
                "-grpc-port=-1",
                "-grpc-tls-port=-1",
                "-server-port=${FREE_SERVER}",
                "-serf-lan-port=${FREE_SERF}",
                "-serf-wan-port=-1",
                "-config-file=${CONFIG_DIR}/lab.json",
                "-log-level=warn",
            ),
            memory_mb=108,
            version_argv=("version",),
            at_least=(1, 15),
        ),
    ),
    container=Container(
        image="consul",
        argv=(
            "agent",
            "-dev",
            "-client=${LISTEN_HOST}",
            "-config-file=${CONFIG_DIR}/lab.json",
            "-log-level=warn",
        ),
        memory_mb=256,
    ),
    config=(ConfigFile("lab.json", (Path(__file__).parent / "config" / "lab.json",)),),
    exports={"CONSUL_HTTP_ADDR": "${CONSUL_HTTP_ADDRESS}"},
    links=(Link("Servicios, claves y sesiones", "${CONSUL_HTTP_BROWSER_URL}/ui/"),),
)
