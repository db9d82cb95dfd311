"""`key-auth`: solo pasa quien trae una clave conocida (kong/plugins/key-auth/handler.lua, Kong 3.9)."""

from __future__ import annotations

import re
from typing import Any

from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.plugins.authenticator import Authenticator
from stack.kong.embedded.replies import Reply
from stack.kong.embedded.schema import Field, Record


def header_name(value: str) -> str | None:
    """La frase de Kong si `value` no puede ser el nombre de una cabecera."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", value):
        return None
    return f"bad header name '{value}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"


class KeyAuth(Authenticator):
    """Autentica con una clave de API en una cabecera o en la consulta."""

    name = "key-auth"
    priority = 1250
    config = Record(
        {
            "key_names": Field(
                "array", required=True, default=["apikey"], elements=Field("string", check=header_name)
            ),
            "hide_credentials": Field("boolean", required=True, default=False),
            "anonymous": Field("string"),
            "key_in_header": Field("boolean", required=True, default=True),
            "key_in_query": Field("boolean", required=True, default=True),
            "key_in_body": Field("boolean", required=True, default=False, covered=(False,)),
            "run_on_preflight": Field("boolean", required=True, default=True),
            "realm": Field("string"),
        }
    )

    def authenticate(self, x: Exchange, options: Any) -> Reply | None:
        challenge = {"WWW-Authenticate": f'Key realm="{options["realm"]}"' if options["realm"] else "Key"}
        key: str | None = None
        for name in options["key_names"]:
            found = x.request.headers.all(name) if options["key_in_header"] else []
            if not found and options["key_in_query"]:
                found = x.request.arguments(name)
            if len(found) > 1:
                return x.error(401, "Duplicate API key found", challenge)
            if found:
                key = found[0]
                if options["hide_credentials"]:
                    x.upstream_headers.remove(name)
                    x.hide_argument(name)
                break
        if not key:
            return x.error(401, "No API key found in request", challenge)
        config = self.runtime.config()
        credential = config.keyauth_by_key.get(key)
        if credential is None:
            return x.error(401, "Unauthorized", challenge)
        x.authenticate(config.consumers[credential.consumer_id], credential, credential.id)
        return None
