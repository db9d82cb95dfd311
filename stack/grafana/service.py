"""Grafana: los paneles con que se miran las métricas."""

from pathlib import Path

from stack.model import ConfigFile, Container, Embedded, Fidelity, HttpProbe, Link, Port, Service

_CONFIG = Path(__file__).parent / "config"

# La imagen trae ya las fuentes de datos más corrientes, y arranca un proceso por cada una aunque nadie la use, con
# sus 22 a 38 MB. Aquí se usan dos, Prometheus y Jaeger; estas son las demás, y las aplicaciones que las acompañan.
_UNUSED_PLUGINS = (
    *("elasticsearch", "grafana-postgresql-datasource", "grafana-pyroscope-datasource", "influxdb"),
    *("loki", "mssql", "mysql", "opentsdb", "stackdriver", "tempo", "zipkin"),
    *("grafana-advisor-app", "grafana-exploretraces-app", "grafana-lokiexplore-app"),
    *("grafana-metricsdrilldown-app", "grafana-pyroscope-app"),
)

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
    container=Container(
        image="grafana",
        config_dir="/etc/grafana",
        env={
            "GF_SERVER_HTTP_PORT": "${LISTEN_HTTP_PORT}",
            "GF_SERVER_ROOT_URL": "${GRAFANA_HTTP_BROWSER_URL}/",
            # Se entra sin más y se mira; para cambiar algo hay quien administra (admin), con su contraseña.
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
            "GF_AUTH_DISABLE_LOGIN_FORM": "true",
            "GF_SECURITY_ADMIN_PASSWORD": "${GRAFANA_ADMIN_PASSWORD}",
            # Nada sale de esta máquina: ni estadísticas, ni novedades, ni complementos que instalar al arrancar.
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
            "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
            "GF_NEWS_NEWS_FEED_ENABLED": "false",
            "GF_PLUGINS_PREINSTALL_DISABLED": "true",
            "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED": "true",
            "GF_SECURITY_DISABLE_GRAVATAR": "true",
            "GF_PLUGINS_DISABLE_PLUGINS": ",".join(_UNUSED_PLUGINS),
            # Entre el navegador y esta misma máquina comprimir no ahorra nada, y en la 13 cuesta mucha memoria.
            "GF_SERVER_ENABLE_GZIP": "false",
        },
        memory_mb=400,
        # La primera vez crea su base de datos entera.
        ready_timeout_s=90.0,
    ),
    depends_on=("prometheus",),
    credentials=("grafana_admin_password",),
    config=tuple(
        ConfigFile(str(source.relative_to(_CONFIG)), (source,))
        for source in sorted(_CONFIG.rglob("*"))
        if source.is_file()
    ),
    exports={"GRAFANA_URL": "${GRAFANA_HTTP_URL}"},
    links=(Link("Paneles", "${GRAFANA_HTTP_BROWSER_URL}/dashboards"),),
)
