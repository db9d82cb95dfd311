"""Prometheus: pasa cada poco a leer los números de cada servicio y los guarda con su hora."""

from pathlib import Path

from stack.model import ConfigFile, Embedded, Fidelity, HttpProbe, Link, Port, Service

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
    config=(ConfigFile("prometheus.yml", (Path(__file__).parent / "config" / "prometheus.yml",)),),
    exports={"PROMETHEUS_URL": "${PROMETHEUS_HTTP_URL}"},
    links=(
        Link("Objetivos", "${PROMETHEUS_HTTP_BROWSER_URL}/targets"),
        Link("Consultar", "${PROMETHEUS_HTTP_BROWSER_URL}/query"),
    ),
)
