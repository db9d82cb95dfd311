"""El microservicio de miniaturas, en marcha. Lo que hace cuando algo va mal está en `test_what_if_flujo_a.py`."""

from __future__ import annotations

from tests.support.avatars import Person


def test_the_lag_is_measured(person: Person) -> None:
    assert (
        'kafka_consumer_lag{group="thumbnails",topic="avatar_subido"}'
        in person.get("THUMBNAILS_URL/metrics").data.decode()
    )
