"""Quién llama, según el JWT que trae la petición.

Kong ya comprobó el token en la puerta. Aquí se comprueba otra vez: el puerto del microservicio también se puede
alcanzar desde dentro sin pasar por Kong, y creerse un `sub` sin firma comprobada sería dejar que cualquiera dijese
ser quien quisiera. El precio, con HS256, es que el secreto lo tienen los dos; con RS256 bastaría la clave pública.
"""

from __future__ import annotations

import re

import jwt
from fastapi import HTTPException, Request

from scenarios.kit.settings import required

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def user_from_token(request: Request) -> str:
    """El usuario (`sub`) del token de `request`: letras, números, punto, guion y guion bajo; 64 como mucho.

    Raises:
        HTTPException: 401 si no hay token, no es válido, caducó o su `sub` no sirve como nombre.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise HTTPException(401, "Falta el token.")
    try:
        claims = jwt.decode(
            token, required("JWT_SECRET"), algorithms=["HS256"], options={"require": ["exp", "sub"]}
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "El token no es válido o ha caducado.") from error
    user = str(claims["sub"])
    if not _SAFE.fullmatch(user):
        raise HTTPException(401, "El nombre de usuario del token no es válido.")
    return user
