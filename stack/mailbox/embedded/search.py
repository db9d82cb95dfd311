"""El lenguaje de búsqueda de Mailpit, sin mayúsculas ni minúsculas: todas las condiciones a la vez.

https://mailpit.axllent.org/docs/usage/search-filters/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from stack.mailbox.embedded.models import Message
from stack.mailbox.embedded.parsing import Address, Content

Test = Callable[[Message], bool]

_WORD = re.compile(r'[-!]?(?:[a-z-]+:)?"[^"]*"|\S+', re.IGNORECASE)
_MISSING = ("tag:", "larger:", "smaller:", "is:tagged", "has:inline")


class NotCovered(Exception):
    """Una condición de Mailpit que este suplente no sabe."""


def search(query: str) -> Test:
    """La prueba que pasa un mensaje buscado con `query`.

    Raises:
        NotCovered: usa una condición que no se imita.
    """
    tests = [_condition(word) for word in _WORD.findall(query)]
    return lambda message: all(test(message) for test in tests)


def _condition(word: str) -> Test:
    if len(word) > 1 and word[0] in "-!":
        inner = _condition(word[1:])
        return lambda message: not inner(message)
    lower = word.lower()
    if lower.startswith(_MISSING):
        raise NotCovered(word)
    if lower in _FLAGS:
        return _FLAGS[lower]
    name, sign, value = lower.partition(":")
    value = value.strip('"')
    if sign and name in _FIELDS:
        field = _FIELDS[name]
        # Con nada detrás de los dos puntos («subject:») no se pide nada.
        return lambda message: value in field(message.content).lower()
    if sign and name in ("before", "after"):
        if (moment := _moment(value)) is None:
            raise NotCovered(word)
        return lambda message: message.created < moment if name == "before" else message.created >= moment
    text = lower.strip('"')
    return lambda message: text in _everything(message.content)


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value.upper().replace("/", "-"))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _shown(*people: Address | None) -> str:
    return " ".join(f"{one.name} {one.address}" for one in people if one is not None)


def _everything(content: Content) -> str:
    people = _shown(content.sender, *content.to, *content.cc, *content.bcc, *content.reply_to)
    files = " ".join(part.filename for part in (*content.attachments, *content.inline))
    return f"{people} {content.subject} {content.text} {files}".lower()


_FLAGS: dict[str, Test] = {
    "is:read": lambda message: message.read,
    "is:unread": lambda message: not message.read,
    "has:attachment": lambda message: bool(message.content.attachments),
    "has:attachments": lambda message: bool(message.content.attachments),
}

_FIELDS: dict[str, Callable[[Content], str]] = {
    "from": lambda content: _shown(content.sender),
    "to": lambda content: _shown(*content.to),
    "cc": lambda content: _shown(*content.cc),
    "bcc": lambda content: _shown(*content.bcc),
    "reply-to": lambda content: _shown(*content.reply_to),
    "addressed": lambda content: _shown(content.sender, *content.to, *content.cc, *content.bcc, *content.reply_to),
    "subject": lambda content: content.subject,
    "message-id": lambda content: content.message_id,
}
