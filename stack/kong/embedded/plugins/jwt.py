"""`jwt`: solo pasa quien trae un token firmado (kong/plugins/jwt/handler.lua, Kong 3.9).

Lo que manda es la credencial guardada en Kong: el token dice de quién es (`iss`), Kong busca la credencial de
ese nombre y comprueba la firma con *su* algoritmo, no con el que el token diga.
"""

from __future__ import annotations

import re
from typing import Any

from stack.kong.embedded import replies
from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.plugins import tokens
from stack.kong.embedded.plugins.authenticator import Authenticator
from stack.kong.embedded.replies import Reply
from stack.kong.embedded.schema import EntityCheck, Field, Record, lookup

_BEARER = re.compile(r"\s*[Bb]earer\s+(.+)")


def _exp_if_bounded(value: Any) -> str | None:
    bounded = (lookup(value, "config.maximum_expiration") or 0) > 0
    if bounded and "exp" not in (lookup(value, "config.claims_to_verify") or ()):
        return "failed conditional validation given value of field 'config.maximum_expiration'"
    return None


_CHECKS: tuple[EntityCheck, ...] = (_exp_if_bounded,)


class Jwt(Authenticator):
    """Autentica con un JWT."""

    name = "jwt"
    priority = 1450
    config = Record(
        {
            "uri_param_names": Field("set", default=["jwt"], elements=Field("string")),
            "cookie_names": Field("set", default=[], elements=Field("string")),
            "header_names": Field("set", default=["authorization"], elements=Field("string")),
            "key_claim_name": Field("string", default="iss"),
            "secret_is_base64": Field("boolean", required=True, default=False),
            "claims_to_verify": Field("set", elements=Field("string", one_of=("exp", "nbf"))),
            "anonymous": Field("string"),
            "run_on_preflight": Field("boolean", required=True, default=True),
            "maximum_expiration": Field("number", default=0, between=(0, 31536000)),
            "realm": Field("string"),
        }
    )
    checks = _CHECKS

    def authenticate(self, x: Exchange, options: Any) -> Reply | None:
        challenge = f'Bearer realm="{options["realm"]}"' if options["realm"] else "Bearer"
        found = _tokens(x, options)
        if not found:
            return _unauthorized("Unauthorized", challenge)
        challenge += ' error="invalid_token"'
        if len(found) > 1:
            return _unauthorized("Multiple tokens provided", challenge)
        try:
            token = tokens.read(found.pop())
        except tokens.BadToken as error:
            return _unauthorized(f"Bad token; {error}", challenge)
        return self._check(x, options, token, challenge)

    def _check(self, x: Exchange, options: Any, token: tokens.Token, challenge: str) -> Reply | None:
        claim = options["key_claim_name"]
        key = token.claims.get(claim)
        if key in (None, False):
            key = token.header.get(claim)
        if key in (None, False):
            return _unauthorized(f"No mandatory '{claim}' in claims", challenge)
        if key == "":
            return _unauthorized(f"Invalid '{claim}' in claims", challenge)
        config = self.runtime.config()
        credential = config.jwt_by_key.get(str(key))
        if credential is None:
            return _unauthorized(f"No credentials found for given '{claim}'", challenge)
        if token.algorithm != credential.algorithm:
            return _unauthorized("Invalid algorithm", challenge)
        secret = _secret(credential.algorithm, credential.secret, credential.public_key, options)
        if secret is None:
            return _unauthorized("Invalid key/secret", challenge)
        if not tokens.verified(token, credential.algorithm, secret):
            return _unauthorized("Invalid signature", challenge)
        problems = self._claims(token, options)
        if problems:
            return replies.as_json(401, problems, {"WWW-Authenticate": challenge})
        x.authenticate(config.consumers[credential.consumer_id], credential, credential.key)
        return None

    def _claims(self, token: tokens.Token, options: Any) -> dict[str, str]:
        now = int(self.runtime.clock())
        problems: dict[str, str] = {}
        for name in options["claims_to_verify"] or ():
            value = token.claims.get(name)
            if not isinstance(value, int | float) or isinstance(value, bool):
                problems[name] = "must be a number"
            elif name == "exp" and value <= now:
                problems[name] = "token expired"
            elif name == "nbf" and value > now:
                problems[name] = "token not valid yet"
        limit = options["maximum_expiration"] or 0
        if not problems and limit > 0 and token.claims["exp"] - now > limit:
            problems["exp"] = "exceeds maximum allowed expiration"
        return problems


def _tokens(x: Exchange, options: Any) -> set[str]:
    request = x.request
    found = {value for name in options["uri_param_names"] or () for value in request.arguments(name) if value}
    found |= {value for name in options["cookie_names"] or () if (value := request.cookie(name))}
    for name in options["header_names"] or ():
        match = _BEARER.match(request.headers.get(name) or "")
        if match:
            found.add(match.group(1))
    return found


def _secret(algorithm: str, secret: str, public_key: str, options: Any) -> bytes | None:
    if not algorithm.startswith("HS"):
        return public_key.encode() or None
    return tokens.decode_secret(secret) if options["secret_is_base64"] else secret.encode()


def _unauthorized(message: str, challenge: str) -> Reply:
    return replies.as_json(401, {"message": message}, {"WWW-Authenticate": challenge})
