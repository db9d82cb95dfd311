"""Las rutas de una petición: normalizarlas antes de elegir y componer la que ve el servicio.

Sigue `kong/tools/uri.lua` y `kong/router/utils.lua` de Kong 3.9. Se trabaja en latin-1: un carácter, un byte.
"""

from __future__ import annotations

import re

_RESERVED = frozenset("!*'();:@&=+$,/?%#[]")
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNSAFE = re.compile(r"[^!#$&'()*+,/:;=?@\[\]A-Za-z0-9\-_.~%]")


def normalize(path: str) -> str:
    """`path` sin `.` ni `..`, con las barras repetidas juntas y sin escapar lo que no hacía falta escapar.

    Así nadie se salta una ruta protegida escribiéndola de otra manera (`/publico/../admin`, `/%61dmin`).
    """
    if "%" in path:
        path = _ESCAPED.sub(_unescape, path)
    if "//" not in path and "." not in path:
        return path
    output: list[str] = []
    segments = path.split("/")[1:]
    for position, segment in enumerate(segments):
        last = position == len(segments) - 1
        if segment == "..":
            if output:
                output.pop()
        elif segment not in (".", "") or (segment == "" and last):
            output.append(segment)
            continue
        if last:
            output.append("")
    return "/" + "/".join(output)


def escape(path: str) -> str:
    """`path` apta para ir en una línea de petición: lo que no es seguro, como `%XX`."""
    return _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode("latin-1")), path)


def upstream_path(path: str, *, matched: str, strip: bool, base: str) -> str:
    """La ruta con que se llama al servicio (`path_handling: v0`).

    `matched` es el trozo que casó con la ruta de Kong, que se quita si `strip`; `base` es la ruta del servicio.
    """
    rest = _harmless(path[len(matched or "/") :])
    if base.endswith("/"):
        if not strip:
            return base + path[1:]
        if rest == "":
            return base if base == "/" or path.endswith("/") else base[:-1]
        return base[:-1] + rest if rest.startswith("/") else base + rest
    if not strip:
        return base if path == "/" else base + path
    if rest == "":
        return base + "/" if len(path) > 1 and path.endswith("/") else base
    return base + rest if rest.startswith("/") else f"{base}/{rest}"


def _harmless(rest: str) -> str:
    """Al quitar el prefijo no puede aparecer un `..` que antes formaba parte de un nombre."""
    if rest in (".", ".."):
        return ""
    return rest.removeprefix("./") if rest.startswith("./") else rest.removeprefix("../")


def _unescape(match: re.Match[str]) -> str:
    character = chr(int(match.group(1), 16))
    return match.group().upper() if character in _RESERVED else character
