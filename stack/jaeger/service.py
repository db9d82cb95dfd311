"""Jaeger: el sitio donde se junta el recorrido de cada petición por todos los servicios."""

from stack.model import Embedded, Fidelity, HttpProbe, Link, Port, Service

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
    exports={"JAEGER_URL": "${JAEGER_UI_URL}", "OTEL_EXPORTER_OTLP_ENDPOINT": "${JAEGER_OTLP_URL}"},
    links=(Link("Buscar trazas", "${JAEGER_UI_BROWSER_URL}/search"),),
)
