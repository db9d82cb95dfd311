"""El microservicio de miniaturas, en marcha: repetir no hace daño, lo malo no tapona y nada se pierde."""

from __future__ import annotations

import json
import os
import signal

from stack.laboratory import Laboratory
from tests.support.avatars import DEAD_LETTERS, Person, eventually, picture


def test_delivering_the_same_message_again_leaves_the_same(person: Person) -> None:
    assert person.upload(picture("PNG", (400, 300))).status == 200
    before = eventually(person.thumbnails)
    made = person.metric("THUMBNAILS_URL", "thumbnails_total")
    ((_, message),) = person.messages()
    person.publish(message)
    eventually(lambda: person.metric("THUMBNAILS_URL", "thumbnails_total") == made + 3)
    assert eventually(person.thumbnails) == before
    assert len(person.objects()) == 4


def test_poison_is_set_aside_and_does_not_block(person: Person) -> None:
    failed = person.metric("THUMBNAILS_URL", "thumbnails_failed_total")
    poison = [b"esto no es JSON", b"[1, 2]", b'{"user": "eva"}', b""]
    poison.append(json.dumps({"user": person.name, "key": f"{person.name}/{'0' * 32}.png"}).encode())
    for value in poison:
        person.publish(value)
    assert person.upload(picture()).status == 200
    eventually(person.thumbnails)
    assert person.metric("THUMBNAILS_URL", "thumbnails_failed_total") == failed + len(poison)
    assert sorted(value or b"" for _, value in person.messages(DEAD_LETTERS)) == sorted(poison)


def test_a_message_pending_when_it_is_killed_is_attended_after_restart(
    person: Person, laboratory: Laboratory
) -> None:
    (row,) = (row for row in laboratory.status() if row.name == "thumbnails")
    assert row.pid is not None
    os.kill(row.pid, signal.SIGKILL)
    assert person.upload(picture()).status == 200
    assert person.thumbnails() == {}
    laboratory.up(["thumbnails"])
    assert len(eventually(person.thumbnails, within_s=20)) == 3


def test_the_lag_is_measured(person: Person) -> None:
    assert (
        'kafka_consumer_lag{group="thumbnails",topic="avatar_subido"}'
        in person.get("THUMBNAILS_URL/metrics").data.decode()
    )
