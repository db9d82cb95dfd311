"""Lo que aporta el flujo C: finanzas, dos pasarelas de pago iguales y, fuera de casa, el proveedor que cobra.

Las dos pasarelas son el mismo programa con distinta clave del proveedor. La de la primera está suspendida al
empezar: el proceso vive y contesta, pero no puede cobrar, y Consul lo sabe porque lo comprueba cada segundo.
"""

from __future__ import annotations

from stack.model import Embedded, Fidelity, HttpProbe, Kind, Link, Port, Service

_COMMON = {
    "HOST": "${LISTEN_HOST}",
    "PORT": "${LISTEN_HTTP_PORT}",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "${JAEGER_OTLP_URL}",
    # Con esto una ejecución paso a paso puede parar al microservicio; fuera del laboratorio no está.
    "STACKLAB_STEP_SECRET": "${STEP_SECRET}",
}

SICK, WELL = "pasarelas-pago-1", "pasarelas-pago-2"
"""La que al empezar tiene su clave suspendida, y la otra."""

FINANZAS = Service(
    name="finanzas",
    title="Servicio Finanzas",
    summary="Cobra lo que debe cada estudiante: pregunta a Consul quién sabe cobrar y se lo pide.",
    kind=Kind.MICROSERVICE,
    ports=(Port("http", 7121),),
    probe=HttpProbe("http", "/health"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "scenarios.services.finanzas"),
        product="microservicio (FastAPI)",
        fidelity=Fidelity.BINARY,
        memory_mb=60,
        env={**_COMMON, "JWT_SECRET": "${JWT_SECRET}"},
    ),
    credentials=("jwt_secret", "step_secret"),
    exports={"FINANZAS_URL": "${FINANZAS_HTTP_URL}"},
    links=(Link("Métricas", "${FINANZAS_HTTP_BROWSER_URL}/metrics"),),
)


def _gateway(number: int) -> Service:
    name = f"pasarelas-pago-{number}"
    prefix = name.upper().replace("-", "_")
    return Service(
        name=name,
        title=f"Pasarelas Pago {number}",
        summary="Una de las dos instancias que cobran: habla con el proveedor de pagos, con su propia clave.",
        kind=Kind.MICROSERVICE,
        ports=(Port("http", 7121 + number),),
        probe=HttpProbe("http", "/health"),
        embedded=Embedded(
            argv=("${PYTHON}", "-m", "scenarios.services.pasarelas_pago"),
            product="microservicio (FastAPI)",
            fidelity=Fidelity.BINARY,
            memory_mb=58,
            env={
                **_COMMON,
                "PROVIDER_URL": "${COBROS_HTTP_URL}",
                "PROVIDER_KEY": f"${{COBROS_KEY_{number}}}",
                # En producción serían unos diez segundos. Aquí uno, para ver qué pasa cuando se acaba.
                "PROVIDER_TIMEOUT_S": "1",
                "CHECK_INTERVAL": "1s",
            },
        ),
        credentials=(f"cobros_key_{number}", "step_secret"),
        exports={f"{prefix}_URL": f"${{{prefix}_HTTP_URL}}"},
        links=(Link("Métricas", f"${{{prefix}_HTTP_BROWSER_URL}}/metrics"),),
    )


COBROS = Service(
    name="cobros",
    title="Cobros (proveedor)",
    summary="El proveedor de pagos de fuera, simulado: la forma de una API real, y no mueve ni un céntimo.",
    kind=Kind.PROVIDER,
    ports=(Port("http", 7190),),
    probe=HttpProbe("http", "/sandbox"),
    embedded=Embedded(
        argv=("${PYTHON}", "-m", "scenarios.providers.cobros"),
        product="proveedor (API como la de Stripe)",
        fidelity=Fidelity.SIMULATED,
        memory_mb=28,
        env={
            "API_KEYS": f"{SICK}=${{COBROS_KEY_1}} {WELL}=${{COBROS_KEY_2}}",
            "SUSPENDED": SICK,
            "PUBLISHABLE_KEY": "${COBROS_PUBLIC_KEY}",
            "READER_KEY": "${COBROS_READER_KEY}",
        },
    ),
    credentials=("cobros_key_1", "cobros_key_2", "cobros_public_key", "cobros_reader_key"),
    exports={"COBROS_URL": "${COBROS_HTTP_URL}"},
    links=(Link("El libro de pagos", "${COBROS_HTTP_BROWSER_URL}/"),),
)

SERVICES = (COBROS, FINANZAS, _gateway(1), _gateway(2))
