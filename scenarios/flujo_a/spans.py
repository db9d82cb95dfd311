"""Cómo se reconoce cada operación del flujo A en la traza (y dónde se puede parar)."""

from __future__ import annotations

from scenarios.engine.context import CLIENT_SERVICE
from scenarios.engine.flow import SpanMatch

_IN_BUCKET = {"url.full": r".*/avatares/.+"}
_THUMBNAIL = {"url.full": r".*/avatares/.+-\d+\.webp"}

CLIENT = SpanMatch(CLIENT_SERVICE, kind="client")
KONG = SpanMatch("kong", kind="server")
KONG_CHECKS = SpanMatch("kong", name=r"kong\.access\.plugin\.(jwt|rate-limiting)")
KONG_FORWARD = SpanMatch("kong", name=r"kong\.balancer.*")
UPLOAD_REQUEST = SpanMatch("uploads", kind="server", name="POST /api/upload/avatar")
PUT_ORIGINAL = SpanMatch("uploads", kind="client", name="PUT.*", attributes=_IN_BUCKET)
SEND = SpanMatch("uploads", kind="producer", name="send avatar_subido.*")
CACHE_URL = SpanMatch("uploads", kind="client", name="SET")
PROCESS = SpanMatch("thumbnails", kind="consumer", name="process avatar_subido")
GET_ORIGINAL = SpanMatch("thumbnails", kind="client", name="GET.*", attributes=_IN_BUCKET)
PUT_THUMBNAIL = SpanMatch("thumbnails", kind="client", name="PUT.*", attributes=_THUMBNAIL)
CACHE_URLS = SpanMatch("thumbnails", kind="client", name="SET.*")
