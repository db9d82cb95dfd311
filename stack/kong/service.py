"""Kong: la puerta de entrada; comprueba quién llama, cuánto llama y a quién le toca contestar."""

from pathlib import Path

from stack.model import ConfigFile, Container, Embedded, Fidelity, HttpProbe, Link, Port, Service

KONG = Service(
    name="kong",
    title="Kong",
    summary="Recibe todas las llamadas de fuera, comprueba el token y el límite, y las lleva a su servicio.",
    ports=(Port("proxy", 8000), Port("admin", 8001), Port("status", 8100)),
    probe=HttpProbe("status", "/status/ready"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.kong.embedded"),
        product="suplente de stacklab",
        fidelity=Fidelity.EMBEDDED,
        memory_mb=30,
    ),
    # Kong es nginx con módulos propios en Lua: no hay un programa suelto que adoptar, solo su imagen.
    container=Container(
        image="kong",
        config_dir="/opt/kong",
        env={
            "KONG_DATABASE": "off",
            "KONG_DECLARATIVE_CONFIG": "${CONFIG_DIR}/kong.yaml",
            "KONG_PROXY_LISTEN": "${LISTEN_HOST}:${LISTEN_PROXY_PORT}",
            "KONG_ADMIN_LISTEN": "${LISTEN_HOST}:${LISTEN_ADMIN_PORT}",
            "KONG_STATUS_LISTEN": "${LISTEN_HOST}:${LISTEN_STATUS_PORT}",
            "KONG_ADMIN_GUI_LISTEN": "off",
            "KONG_PROXY_ACCESS_LOG": "/dev/stdout",
            "KONG_ADMIN_ACCESS_LOG": "/dev/stdout",
            "KONG_STATUS_ACCESS_LOG": "off",
            "KONG_PROXY_ERROR_LOG": "/dev/stderr",
            "KONG_ADMIN_ERROR_LOG": "/dev/stderr",
            "KONG_STATUS_ERROR_LOG": "/dev/stderr",
            # Sin esto no hay spans que exportar, y de fábrica solo se guardaría uno de cada cien.
            "KONG_TRACING_INSTRUMENTATIONS": "all",
            "KONG_TRACING_SAMPLING_RATE": "1.0",
            # Un solo proceso: los contadores de rate-limiting y de Prometheus son exactos, y ocupa menos.
            "KONG_NGINX_WORKER_PROCESSES": "1",
            # De fábrica pregunta antes por SRV, que el servidor de nombres de Docker no sabe y pregunta fuera: sin
            # Internet, cada nombre de la red («jaeger») tardaría segundos.
            "KONG_DNS_ORDER": "LAST,A,CNAME",
            # De fábrica envía estadísticas de uso a sus autores.
            "KONG_ANONYMOUS_REPORTS": "off",
        },
        memory_mb=512,
    ),
    config=(ConfigFile("kong.yaml", (Path(__file__).parent / "config" / "kong.yaml",)),),
    credentials=("jwt_secret",),
    exports={"KONG_PROXY_URL": "${KONG_PROXY_URL}", "KONG_ADMIN_URL": "${KONG_ADMIN_URL}"},
    links=(Link("Rutas, plugins y consumidores", "${KONG_ADMIN_BROWSER_URL}/"),),
)
