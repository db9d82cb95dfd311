"""Las cabeceras que Kong añade a toda respuesta (`runloop.header_filter.after` de Kong 3.9)."""

from __future__ import annotations

from email.utils import formatdate

from stack.kong.embedded.exchange import Exchange
from stack.kong.embedded.headers import Headers
from stack.kong.embedded.product import TOKEN


def finish_headers(x: Exchange, headers: Headers) -> None:
    """Pone en `headers` las latencias, `Via`, `Server`, `Date` y el número de la petición."""
    if headers.get("date") is None:
        headers.set("Date", formatdate(usegmt=True))
    if x.proxied:
        headers.set("X-Kong-Upstream-Latency", str(x.waited_ms or 0))
        headers.set("X-Kong-Proxy-Latency", str(x.kong_ms))
        headers.set("Via", ", ".join([*headers.all("via"), f"1.1 {TOKEN}"]))
        if headers.get("server") is None:
            headers.set("Server", TOKEN)
    else:
        headers.set("X-Kong-Response-Latency", str(x.kong_ms))
        headers.set("Server", TOKEN)
    headers.set("X-Kong-Request-Id", x.id)
