"""Lo que un consumidor pide al entrar en un grupo: a qué topics está suscrito.

El intermediario solo lo mira para saber si quien vuelve pide lo mismo que antes.
Referencia: https://kafka.apache.org/protocol#protocol_consumer (`ConsumerProtocolSubscription`)
"""

from __future__ import annotations

from stack.kafka.embedded.codec import Reader
from stack.kafka.embedded.errors import Malformed
from stack.kafka.embedded.members import JoinRequest


def same_subscription(before: JoinRequest, now: JoinRequest, protocol: str) -> bool:
    """Si los dos entienden las mismas estrategias y, en `protocol`, quieren los mismos topics.

    Lo demás que dicen (qué tenían, de qué generación) cambia de una vez a otra sin que importe.
    """
    if list(before.protocols) != list(now.protocols) or protocol not in now.protocols:
        return False
    wanted, asked = before.protocols[protocol], now.protocols[protocol]
    try:
        return wanted == asked or _topics(wanted) == _topics(asked)
    except Malformed:
        return False


def _topics(metadata: bytes) -> set[str]:
    r = Reader(metadata)
    r.int16()
    return set(r.array(r.string))
