"""Grafana: los paneles con que se miran las métricas."""

from pathlib import Path

from stack.model import ConfigFile, Container, Embedded, Fidelity, HttpProbe, Link, Port, Service

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
            "GF_SECURITY_DISABLE_GRAVATAR": "true",
        },
        memory_mb=400,
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
