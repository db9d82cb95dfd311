"""Kong: la puerta de entrada; comprueba quién llama, cuánto llama y a quién le toca contestar."""

from pathlib import Path

from stack.model import ConfigFile, Embedded, Fidelity, HttpProbe, Link, Port, Service

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
    config=(ConfigFile("kong.yaml", (Path(__file__).parent / "config" / "kong.yaml",)),),
    credentials=("jwt_secret",),
    exports={"KONG_PROXY_URL": "${KONG_PROXY_URL}", "KONG_ADMIN_URL": "${KONG_ADMIN_URL}"},
    links=(Link("Rutas, plugins y consumidores", "${KONG_ADMIN_BROWSER_URL}/"),),
)
