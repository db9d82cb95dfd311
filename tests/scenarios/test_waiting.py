"""Las esperas acotadas: se cumplen, se rinden o vencen, y nunca se quedan colgadas."""

from __future__ import annotations

import threading
import time
from itertools import count

import pytest

from scenarios.engine.facts import Interrupted, NotProven
from scenarios.engine.waiting import Deadline, until


def _within(seconds: float) -> Deadline:
    deadline = Deadline()
    deadline.within(seconds)
    return deadline


def test_returns_as_soon_as_it_is_true() -> None:
    attempts = count(1)

    def read() -> int:
        number = next(attempts)
        if number < 4:
            raise NotProven("todavía no")
        return number

    assert until(read, _within(5)) == 4


def test_the_deadline_ends_it_with_the_last_reason() -> None:
    attempts = count(1)

    def read() -> None:
        raise NotProven(f"intento {next(attempts)}")

    began = time.monotonic()
    with pytest.raises(NotProven, match=r"intento \d+") as error:
        until(read, _within(0.1))
    assert time.monotonic() - began < 1
    assert error.value.reason != "intento 1"


def test_a_final_reason_does_not_wait() -> None:
    def read() -> None:
        raise NotProven("el objeto está y es otro", final=True)

    began = time.monotonic()
    with pytest.raises(NotProven, match="es otro"):
        until(read, _within(30))
    assert time.monotonic() - began < 1


def test_a_network_error_is_not_yet_and_says_who() -> None:
    def read() -> None:
        raise ConnectionRefusedError("conexión rechazada")

    with pytest.raises(NotProven, match="MinIO no contesta como se esperaba: conexión rechazada"):
        until(read, _within(0.05), "MinIO")


def test_our_own_mistakes_are_not_hidden() -> None:
    def read() -> None:
        raise TypeError("nos equivocamos")

    with pytest.raises(TypeError):
        until(read, _within(5))


def test_at_least_one_attempt_even_when_late() -> None:
    assert until(lambda: "leído", _within(-1)) == "leído"


def test_the_deadline_can_be_brought_forward_while_waiting() -> None:
    deadline = _within(60)

    def read() -> None:
        raise NotProven("no")

    threading.Timer(0.05, deadline.within, args=(0.0,)).start()
    began = time.monotonic()
    with pytest.raises(NotProven):
        until(read, deadline)
    assert time.monotonic() - began < 5
    deadline.within(1000)
    assert deadline.expired


def test_cancelling_interrupts() -> None:
    deadline = Deadline()

    def read() -> None:
        raise NotProven("no")

    threading.Timer(0.05, deadline.cancel).start()
    with pytest.raises(Interrupted):
        until(read, deadline)
