"""Dónde está escrito cada paso del flujo B: fichero y función, o en Kong el nombre que tiene allí.

Es lo de quien llama o, si llama una persona, lo de quien la atiende. En una respuesta, lo de quien la recibe o, si
ese programa no es nuestro, lo de quien la da.
"""

from __future__ import annotations

_KONG = "scenarios/flujo_b/kong.yaml"
_AUTH = "scenarios/services/auth.py"
_ANALYTICS = "scenarios/services/analytics.py"

MAKERS = {
    "B1": f"{_KONG} · entrar",
    "B2": f"{_KONG} · auth",
    "B3": f"{_AUTH} · Auth._signing_key",
    "B4": f"{_AUTH} · Auth._signing_key",
    "B5": f"{_AUTH} · People.find",
    "B6": f"{_AUTH} · People.find",
    "B7": f"{_AUTH} · Auth.login",
    "B8": f"{_AUTH} · Auth._announce",
    "B9": f"{_AUTH} · Auth.login",
    "B10": f"{_AUTH} · _routes.login",
    "B11": f"{_KONG} · auth",
    "B12": f"{_ANALYTICS} · Activity.handle",
}
