"""Leer un JWT y comprobar su firma.

Los mensajes son los de `kong/plugins/jwt/jwt_parser.lua` de Kong 3.9. Las firmas con clave pública las
comprueba `pycryptodome`, que solo se carga si alguna credencial la pide.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

_DIGESTS: dict[str, Callable[..., Any]] = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
_KNOWN = {f"{family}{bits}" for family in ("HS", "RS", "ES", "PS") for bits in _DIGESTS} | {"EdDSA"}
_ES_BYTES = {"256": 64, "384": 96, "512": 132}


class BadToken(Exception):
    """El token no se puede leer; el texto dice por qué, con las palabras de Kong."""


@dataclass(frozen=True, slots=True)
class Token:
    """Un JWT leído y todavía sin comprobar."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        """El algoritmo que dice usar. Nunca se le hace caso: manda el de la credencial."""
        return str(self.header["alg"])


def read(text: str) -> Token:
    """Lee `text`, o `BadToken`."""
    parts = text.split(".", 2)
    try:
        header, claims = (json.loads(_decode(part)) for part in parts[:2])
    except (ValueError, binascii.Error) as error:
        raise BadToken("invalid JSON") from error
    if len(parts) < 2 or not isinstance(header, dict):
        raise BadToken("invalid JSON")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _KNOWN:
        raise BadToken("invalid alg")
    if not isinstance(claims, dict):
        raise BadToken("invalid claims")
    try:
        signature = _decode(parts[2]) if len(parts) == 3 else b""
    except (ValueError, binascii.Error) as error:
        raise BadToken("invalid signature") from error
    return Token(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def verified(token: Token, algorithm: str, key: bytes) -> bool:
    """Si la firma de `token` es la de `key` con `algorithm` (una clave pública PEM, salvo en HS*)."""
    family, bits = algorithm[:2], algorithm[2:]
    if family == "HS":
        expected = hmac.new(key, token.signed, _DIGESTS[bits]).digest()
        return hmac.compare_digest(expected, token.signature)
    return _public_key_verified(family, bits, token, key)


def decode_secret(secret: str) -> bytes | None:
    """Un secreto guardado en base64 (`secret_is_base64`); `None` si no lo es."""
    try:
        return _decode(secret.replace("+", "-").replace("/", "_"))
    except (ValueError, binascii.Error):
        return None


def public_key_problem(pem: str | None) -> str | None:
    """Por qué `pem` no sirve como clave pública, o `None`."""
    if not pem:
        return "rsa_public_key: required field missing"
    try:
        _import_key(pem.encode())
    except ValueError:
        return "rsa_public_key: invalid key"
    return None


def _public_key_verified(family: str, bits: str, token: Token, pem: bytes) -> bool:
    from Crypto.PublicKey import ECC
    from Crypto.Signature import DSS, pkcs1_15

    digest = _digest_module(bits).new(token.signed)
    key = _import_key(pem)
    try:
        if family == "RS" and not isinstance(key, ECC.EccKey):
            pkcs1_15.new(key).verify(digest, token.signature)
            return True
        if family == "ES" and isinstance(key, ECC.EccKey) and len(token.signature) == _ES_BYTES[bits]:
            DSS.new(key, "fips-186-3").verify(digest, token.signature)
            return True
    except ValueError:
        return False
    return False


def _import_key(pem: bytes) -> Any:
    from Crypto.PublicKey import ECC, RSA

    try:
        return RSA.import_key(pem)
    except (ValueError, IndexError, TypeError):
        return ECC.import_key(pem)


def _digest_module(bits: str) -> ModuleType:
    from Crypto.Hash import SHA256, SHA384, SHA512

    return {"256": SHA256, "384": SHA384, "512": SHA512}[bits]


def _decode(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
