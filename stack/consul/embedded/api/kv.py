"""`/v1/kv/…`: leer, escribir y borrar claves; tomar y soltar cerrojos."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from stack.consul.embedded import responses
from stack.consul.embedded.api.query import Result, answer, options
from stack.consul.embedded.errors import Refused
from stack.consul.embedded.golang import BadNumber, parse_uint, quoted
from stack.consul.embedded.server import Server

MAX_VALUE = 512 * 1024
_TOO_LARGE = (
    f"Request body({{}} bytes) too large, max size: {MAX_VALUE} bytes. "
    "See https://www.consul.io/docs/agent/config/config-files#kv_max_value_size."
)


class KeyValueApi:
    """Las tres operaciones sobre una clave, o sobre las que empiezan igual."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._kv = server.kv

    async def get(self, request: Request) -> Response:
        """Una clave, todas las de un prefijo (`recurse`), o solo sus nombres (`keys`)."""
        key, params = request.path_params["key"], request.query_params
        wanted = options(params)
        if "keys" in params:
            return await self._keys(request, key)
        if "recurse" in params:

            def ask() -> Result:
                index, found = self._kv.under(key)
                return Result(index, found, found)
        else:
            _require(key)

            def ask() -> Result:
                index, found = self._kv.get(key)
                return Result(index, [found] if found else [], found)

        result = await answer(self._server.log, request, wanted, ask)
        meta = responses.meta(result)
        if not result.value:
            return responses.empty(404, meta)
        if "raw" in params and "recurse" not in params:
            # Para que un navegador no ejecute como página lo que alguien haya guardado.
            safe = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
            headers = meta | safe | {"Content-Type": "text/plain"}
            return responses.empty(200, headers, result.value[0].value)
        return responses.body([responses.entry(one) for one in result.value], headers=meta)

    async def _keys(self, request: Request, prefix: str) -> Response:
        params = request.query_params
        separator = params.get("separator", params.get("seperator", ""))

        def ask() -> Result:
            index, entries = self._kv.under(prefix)
            names = dict.fromkeys(_cut(one.key, len(prefix), separator) for one in entries)
            return Result(index, list(names), entries)

        result = await answer(self._server.log, request, options(params), ask)
        meta = responses.meta(result)
        if not result.value and prefix:
            return responses.empty(404, meta)
        return responses.body(result.value, headers=meta)

    async def put(self, request: Request) -> Response:
        """Escribe; con `cas`, `acquire` o `release`, solo si se cumple. Contesta si lo hizo."""
        key, params = request.path_params["key"], request.query_params
        options(params)
        _require(key)
        _require_one(params, "cas", "acquire", "release")
        flags = _number(params, "flags")
        expected = _number(params, "cas")
        length = int(request.headers.get("content-length") or 0)
        if length > MAX_VALUE:
            raise Refused(413, _TOO_LARGE.format(length))
        value = await request.body()
        kv, log = self._kv, self._server.log
        if "release" in params:
            session = _session(params, "release")
            return responses.body(kv.unlock(log.next(), key, value, flags, session))
        if "acquire" in params:
            session = params["acquire"]
            if kv.delayed(key):
                return responses.body(False)
            _session(params, "acquire")
            if self._server.sessions.get(session) is None:
                raise Refused(500, f"raft apply failed: invalid session {quoted(session)}")
            return responses.body(kv.lock(log.next(), key, value, flags, session))
        if "cas" in params:
            return responses.body(kv.put_if(log.next(), key, value, flags, expected))
        kv.put(log.next(), key, value, flags)
        return responses.body(True)

    async def delete(self, request: Request) -> Response:
        """Borra una clave, o con `recurse` todas las que empiezan igual."""
        key, params = request.path_params["key"], request.query_params
        options(params)
        _require_one(params, "recurse", "cas")
        if "recurse" in params:
            self._kv.delete_tree(self._server.log.next(), key)
            return responses.body(True)
        _require(key)
        if "cas" in params:
            expected = _number(params, "cas")
            return responses.body(self._kv.delete_if(self._server.log.next(), key, expected))
        self._kv.delete(self._server.log.next(), key)
        return responses.body(True)


def _require(key: str) -> None:
    if not key:
        raise Refused(400, "Missing key name")


def _require_one(params: QueryParams, *names: str) -> None:
    if len([name for name in names if name in params]) > 1:
        given = urlencode(sorted(params.multi_items()))
        raise Refused(400, f"Conflicting flags: {given}")


def _session(params: QueryParams, name: str) -> str:
    if not params[name]:
        raise Refused(500, "raft apply failed: missing session")
    return params[name]


def _number(params: QueryParams, name: str) -> int:
    try:
        return parse_uint(params[name]) if name in params else 0
    except BadNumber as error:
        raise Refused(500, str(error)) from error


def _cut(key: str, start: int, separator: str) -> str:
    place = key.find(separator, start) if separator else -1
    return key if place < 0 else key[: place + len(separator)]
