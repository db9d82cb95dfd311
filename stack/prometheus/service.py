"""Prometheus: pasa cada poco a leer los números de cada servicio y los guarda con su hora."""

from pathlib import Path

from stack.model import Binary, ConfigFile, Container, Embedded, Fidelity, HttpProbe, Link, Port, Service

# Un día de datos basta para aprender; la recarga por HTTP es la que usan las lecciones tras cambiar el fichero.
# A un objetivo recién descubierto se empieza a leerlo enseguida, y no a los cinco segundos de siempre.
_FLAGS = (
    "--storage.tsdb.retention.time=1d",
    "--web.enable-lifecycle",
    "--scrape.discovery-reload-interval=500ms",
    "--log.level=warn",
)

PROMETHEUS = Service(
    name="prometheus",
    title="Prometheus",
    summary="Recoge métricas de cada servicio a intervalos y contesta preguntas sobre ellas en PromQL.",
    ports=(Port("http", 9090),),
    probe=HttpProbe("http", "/-/ready"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.prometheus.embedded"),
        product="suplente de stacklab",
        fidelity=Fidelity.EMBEDDED,
        memory_mb=30,
    ),
    binaries=(
        Binary(
            program="prometheus",
            product="Prometheus",
            argv=(
                "${PROGRAM}",
                "--config.file=${CONFIG_DIR}/prometheus.yml",
                "--storage.tsdb.path=${DATA_DIR}",
                "--web.listen-address=${LISTEN_HOST}:${LISTEN_HTTP_PORT}",
                *_FLAGS,
            ),
            memory_mb=60,
            at_least=(3,),
        ),
    ),
    container=Container(
        image="prometheus",
        argv=(
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            "--web.listen-address=${LISTEN_HOST}:${LISTEN_HTTP_PORT}",
            *_FLAGS,
        ),
        config_dir="/etc/prometheus",
        volume="/prometheus",
        memory_mb=256,
    ),
    config=(ConfigFile("prometheus.yml", (Path(__file__).parent / "config" / "prometheus.yml",)),),
    exports={"PROMETHEUS_URL": "${PROMETHEUS_HTTP_URL}"},
    links=(
        Link("Objetivos", "${PROMETHEUS_HTTP_BROWSER_URL}/targets"),
        Link("Consultar", "${PROMETHEUS_HTTP_BROWSER_URL}/query"),
    ),
)
