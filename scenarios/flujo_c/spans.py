"""Cómo se reconoce cada operación del flujo C en la traza (y dónde se puede parar)."""

from __future__ import annotations

from scenarios.engine.flow import SpanMatch

REQUEST = SpanMatch("finanzas", kind="server", name="POST /api/finance/charges")
ASK = SpanMatch("finanzas", kind="client", attributes={"url.full": r".*/v1/health/service/pasarelas-pago\b.*"})
CALL = SpanMatch("finanzas", kind="client", attributes={"url.full": r".*/api/payments/process"})
PROCESS = SpanMatch("pasarelas-pago", kind="server", name="POST /api/payments/process")
PROVIDER = SpanMatch("pasarelas-pago", kind="client", attributes={"url.full": r".*/v1/payments"})
