"""Los plugins de Kong que el suplente trae, por su nombre."""

from __future__ import annotations

from stack.kong.embedded.plugins.acl import Acl
from stack.kong.embedded.plugins.base import Plugin
from stack.kong.embedded.plugins.correlation_id import CorrelationId
from stack.kong.embedded.plugins.cors import Cors
from stack.kong.embedded.plugins.file_log import FileLog
from stack.kong.embedded.plugins.jwt import Jwt
from stack.kong.embedded.plugins.key_auth import KeyAuth
from stack.kong.embedded.plugins.opentelemetry import OpenTelemetry
from stack.kong.embedded.plugins.prometheus import Prometheus
from stack.kong.embedded.plugins.rate_limiting import RateLimiting
from stack.kong.embedded.plugins.request_size_limiting import RequestSizeLimiting

_ALL: tuple[type[Plugin], ...] = (
    *(CorrelationId, Cors, Jwt, KeyAuth, RequestSizeLimiting, Acl, RateLimiting),
    *(OpenTelemetry, Prometheus, FileLog),
)

PLUGINS: dict[str, type[Plugin]] = {plugin.name: plugin for plugin in _ALL}

# fmt: off
KNOWN_ELSEWHERE = frozenset({
    "oauth2", "tcp-log", "udp-log", "http-log", "hmac-auth", "basic-auth", "ip-restriction", "request-transformer",
    "response-transformer", "response-ratelimiting", "syslog", "loggly", "datadog", "ldap-auth", "statsd",
    "bot-detection", "aws-lambda", "request-termination", "proxy-cache", "session", "acme", "grpc-gateway",
    "grpc-web", "pre-function", "post-function", "azure-functions", "zipkin", "ai-proxy", "ai-prompt-decorator",
    "ai-prompt-template", "ai-prompt-guard", "ai-request-transformer", "ai-response-transformer",
    "standard-webhooks", "redirect",
})
# fmt: on
"""Los que Kong 3.9 trae y aquí no están: su configuración se rechaza diciendo justo eso."""
