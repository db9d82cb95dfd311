"""Jaeger: el sitio donde se junta el recorrido de cada petición por todos los servicios."""

from pathlib import Path

from stack.model import Binary, ConfigFile, Container, Embedded, Fidelity, HttpProbe, Link, Port, Service

JAEGER = Service(
    name="jaeger",
    title="Jaeger",
    summary="Recibe los spans de cada servicio y dibuja con ellos el recorrido de una petición.",
    ports=(Port("ui", 16686), Port("otlp", 4318)),
    probe=HttpProbe("ui", "/api/services"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "stack.jaeger.embedded"),
        product="suplente de stacklab",
        fidelity=Fidelity.EMBEDDED,
        memory_mb=28,
    ),
    binaries=(
        Binary(
            program="jaeger",
            product="Jaeger",
            argv=("${PROGRAM}", "--config=file:${CONFIG_DIR}/jaeger.yaml"),
            memory_mb=60,
            at_least=(2,),
        ),
    ),
    container=Container(
        image="jaeger",
        argv=("--config=file:/etc/jaeger/jaeger.yaml",),
        config_dir="/etc/jaeger",
        # Veinte mil trazas como las de los flujos caben; cerca del techo, Go recoge basura más a menudo.
        memory_mb=800,
        env={"GOMEMLIMIT": "700MiB"},
    ),
    config=(ConfigFile("jaeger.yaml", (Path(__file__).parent / "config" / "jaeger.yaml",)),),
    exports={"JAEGER_URL": "${JAEGER_UI_URL}", "OTEL_EXPORTER_OTLP_ENDPOINT": "${JAEGER_OTLP_URL}"},
    links=(Link("Buscar trazas", "${JAEGER_UI_BROWSER_URL}/search"),),
)
