"""Grafana: los paneles con que se miran las métricas."""

from pathlib import Path

from stack.model import ConfigFile, Embedded, Fidelity, HttpProbe, Link, Port, Service

_CONFIG = Path(__file__).parent / "config"

GRAFANA = Service(
    name="grafana",
    title="Grafana",
    summary="Dibuja en paneles lo que Prometheus ha recogido.",
    ports=(Port("http", 3000),),
    probe=HttpProbe("http", "/api/health", contains='"database"'),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.grafana.embedded"),
        product="suplente de stacklab",
        fidelity=Fidelity.EMBEDDED,
        memory_mb=32,
    ),
    depends_on=("prometheus",),
    config=tuple(
        ConfigFile(str(source.relative_to(_CONFIG)), (source,))
        for source in sorted(_CONFIG.rglob("*"))
        if source.is_file()
    ),
    exports={"GRAFANA_URL": "${GRAFANA_HTTP_URL}"},
    links=(Link("Paneles", "${GRAFANA_HTTP_BROWSER_URL}/dashboards"),),
)
