"""Qué nombres, caminos y máquinas da Kong por buenos (`kong/db/schema/typedefs.lua`, Kong 3.9)."""

from __future__ import annotations

import re

_NAME = re.compile(r"[\w.\-~\u0080-\uffff]+\Z")
_PATH = re.compile(r"/[A-Za-z0-9.\-_~/%:@!$&'()*+,;=]*\Z")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?\Z|\[?[0-9a-fA-F:]+\]?\Z")


def name(value: str) -> str | None:
    """La frase de Kong si `value` no sirve como nombre."""
    if _NAME.match(value):
        return None
    return f"invalid value '{value}': the only accepted ascii characters are alphanumerics or ., -, _, and ~"


def path(value: str) -> str | None:
    """La frase de Kong si `value` no sirve como ruta de un servicio."""
    if not value.startswith("/"):
        return "should start with: /"
    if "//" in value:
        return "must not have empty segments"
    if not _PATH.match(value):
        return f"invalid path: '{value}' (characters outside of the reserved list of RFC 3986 found)"
    if stray := re.search(r"%(?![0-9A-Fa-f]{2}).{0,2}", value):
        return f"invalid url-encoded value: '{stray.group()}'"
    return None


def route_path(value: str) -> str | None:
    """La frase de Kong si `value` no sirve como camino de una ruta."""
    if not value.startswith(("/", "~/")):
        return "should start with: / (fixed path) or ~/ (regex path)"
    if "//" in value:
        return "must not have empty segments"
    if value.startswith("/"):
        return path(value)
    try:
        re.compile(value[1:])
    except re.error as error:
        return f"invalid regex: '{value[1:]}' ({error})"
    return None


def host(value: str) -> str | None:
    """La frase de Kong si `value` no sirve como máquina de un servicio."""
    if re.search(r":\d+\Z", value) and value.count(":") == 1:
        return "must not have a port"
    return None if _HOST.match(value) else f"invalid value: {value}"


def route_host(value: str) -> str | None:
    """La frase de Kong si `value` no sirve como máquina de una ruta (admite un comodín)."""
    if value.count("*") > 1:
        return "invalid wildcard: must have at most one wildcard"
    if "*" in value and not (value.startswith("*.") or re.search(r"\.\*(?::\d+)?\Z", value)):
        return "invalid wildcard: must be placed at leftmost or rightmost label"
    plain = re.sub(r":\d+\Z", "", value.replace("*", "abc"))
    return None if _HOST.match(plain) else f"invalid value: {value}"


def method(value: str) -> str | None:
    """La frase de Kong si `value` no es un método."""
    return None if re.fullmatch(r"[A-Z]+", value) else f"invalid value: {value}"
