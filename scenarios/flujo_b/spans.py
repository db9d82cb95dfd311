"""Cómo se reconoce cada operación del flujo B en la traza (y dónde se puede parar)."""

from __future__ import annotations

from scenarios.engine.context import CLIENT_SERVICE
from scenarios.engine.flow import SpanMatch

CLIENT = SpanMatch(CLIENT_SERVICE, kind="client")
KONG = SpanMatch("kong", kind="server")
KONG_FORWARD = SpanMatch("kong", name=r"kong\.balancer.*")
LOGIN = SpanMatch("auth", kind="server", name="POST /api/auth/login")
READ_KEY = SpanMatch("auth", kind="client", name="read secret/jwt")
QUERY = SpanMatch("auth", kind="client", name="SELECT.*")
SAVE_SESSION = SpanMatch("auth", kind="client", name="SET.*")
SEND = SpanMatch("auth", kind="producer", name="send usuario_autenticado.*")
SIGN = SpanMatch("auth", kind="internal", name="sign jwt")
PROCESS = SpanMatch("analytics", kind="consumer", name="process usuario_autenticado")
COUNT = SpanMatch("analytics", kind="client", name="ZADD.*")
