"""Los correos recibidos: del más nuevo al más viejo, en memoria y con un tope."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from stack.mailbox.embedded.parsing import Content, parse

MAX_MESSAGES = 500
MAX_BYTES = 64 * 2**20

_ALPHABET = string.ascii_letters + string.digits


@dataclass(slots=True)
class Message:
    """Un correo recibido. `raw` es tal cual llegó, con lo que añadió el servidor al recibirlo."""

    identifier: str
    created: datetime
    raw: bytes
    content: Content
    read: bool = False


@dataclass(slots=True)
class Counters:
    """Lo que ha pasado desde que arrancó."""

    accepted: int = 0
    accepted_bytes: int = 0
    rejected: int = 0
    deleted: int = 0


@dataclass(slots=True)
class Mailbox:
    """El buzón entero. Los que no caben son los más viejos."""

    max_messages: int = MAX_MESSAGES
    max_bytes: int = MAX_BYTES
    counters: Counters = field(default_factory=Counters)
    started: float = field(default_factory=time.monotonic)
    _messages: dict[str, Message] = field(default_factory=dict)
    _bytes: int = 0

    def receive(self, raw: bytes, now: datetime | None = None) -> Message:
        """Guarda un correo y lo devuelve, ya analizado."""
        identifier = "".join(secrets.choice(_ALPHABET) for _ in range(22))
        message = Message(identifier, now or datetime.now(UTC), raw, parse(raw))
        self._messages[identifier] = message
        self._bytes += len(raw)
        self.counters.accepted += 1
        self.counters.accepted_bytes += len(raw)
        while len(self._messages) > self.max_messages or (
            self._bytes > self.max_bytes and len(self._messages) > 1
        ):
            self._forget(next(iter(self._messages)))
        return message

    def newest_first(self) -> list[Message]:
        """Todos, el último que llegó delante."""
        return list(reversed(self._messages.values()))

    def find(self, identifier: str) -> Message | None:
        """El que se llama así; `latest` es el último."""
        if identifier == "latest":
            return next(reversed(self._messages.values()), None)
        return self._messages.get(identifier)

    def mark(self, messages: Iterable[Message], read: bool) -> None:
        """Los da por leídos, o por no leídos."""
        for message in messages:
            message.read = read

    def delete(self, chosen: Callable[[Message], bool] = lambda message: True) -> None:
        """Borra los que cumplan `chosen`; sin él, todos."""
        for message in [one for one in self._messages.values() if chosen(one)]:
            self._forget(message.identifier)
            self.counters.deleted += 1

    def among(self, identifiers: Collection[str]) -> list[Message]:
        """Los que se llaman así y siguen aquí."""
        return [message for message in self._messages.values() if message.identifier in identifiers]

    @property
    def size(self) -> int:
        """Los bytes que guarda."""
        return self._bytes

    @property
    def unread(self) -> int:
        """Cuántos no ha abierto nadie."""
        return sum(not message.read for message in self._messages.values())

    def __len__(self) -> int:
        return len(self._messages)

    def _forget(self, identifier: str) -> None:
        self._bytes -= len(self._messages.pop(identifier).raw)
