"""Lo que aporta el flujo C: finanzas, dos pasarelas de pago iguales y, fuera de casa, el proveedor que cobra.

Las dos pasarelas son el mismo programa con distinta clave del proveedor. La de la primera está suspendida al
empezar: el proceso vive y contesta, pero no puede cobrar, y Consul lo sabe porque lo comprueba cada segundo.
"""

from __future__ import annotations

from scenarios.microservice import TOKENS, microservice
from stack.model import Embedded, Fidelity, HttpProbe, Kind, Link, Port, Service

SICK, WELL = "pasarelas-pago-1", "pasarelas-pago-2"
"""La que al empezar tiene su clave suspendida, y la otra."""

FINANZAS = microservice(
    "finanzas",
    "Servicio Finanzas",
    "Cobra lo que debe cada estudiante: pregunta a Consul quién sabe cobrar y se lo pide.",
    port=7121,
    memory_mb=60,
    uses=(TOKENS,),
    credentials=("finanzas_vault_secret_id",),
)


def _gateway(number: int) -> Service:
    return microservice(
        f"pasarelas-pago-{number}",
        f"Pasarelas Pago {number}",
        "Una de las dos instancias que cobran: habla con el proveedor de pagos, con su propia clave.",
        port=7121 + number,
        memory_mb=58,
        env={
            "PROVIDER_URL": "${COBROS_HTTP_URL}",
            "PROVIDER_KEY": f"${{COBROS_KEY_{number}}}",
            # En producción serían unos diez segundos. Aquí uno, para ver qué pasa cuando se acaba.
            "PROVIDER_TIMEOUT_S": "1",
            "CHECK_INTERVAL": "1s",
        },
        credentials=(f"cobros_key_{number}", f"pasarelas_pago_{number}_vault_secret_id"),
        program="pasarelas_pago",
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
