"""Dónde está escrito cada paso del flujo C: fichero y función, o en Kong el nombre que tiene allí.

Es lo de quien llama o, si llama una persona, lo de quien la atiende. En una respuesta, lo de quien la recibe o, si
ese programa no es nuestro, lo de quien la da.
"""

from __future__ import annotations

_FINANZAS = "scenarios/services/finanzas.py"
_GATEWAY = "scenarios/services/pasarelas_pago.py"
_TELEMETRY = "scenarios/kit/telemetry.py"

MAKERS = {
    "C1": f"{_FINANZAS} · Finance._candidates",
    "C2": f"{_FINANZAS} · Finance._candidates",
    "C3": f"{_FINANZAS} · Finance.charge",
    "C4": f"{_GATEWAY} · Gateway._insist",
    "C5": f"{_FINANZAS} · Finance.charge",
    "C6": f"{_TELEMETRY} · setup_telemetry",
    "C7": f"{_TELEMETRY} · setup_telemetry",
}
