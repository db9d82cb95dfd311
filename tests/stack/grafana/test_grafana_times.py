"""Los intervalos de tiempo de un tablero."""

from __future__ import annotations

from datetime import datetime

import pytest

from stack.grafana.embedded.times import (
    BadTime,
    format_duration,
    parse_duration,
    parse_instant,
    parse_range,
    query_interval,
    rate_interval,
)

NOW = 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("now-5m", NOW - 300_000),
        ("now+1h", NOW + 3_600_000),
        ("1699999999000", 1_699_999_999_000),
        ("2023-11-14T22:13:20+00:00", NOW),
    ],
)
def test_instants(text: str, expected: int) -> None:
    assert parse_instant(text, NOW) == expected


def test_day_is_rounded_to_its_start_and_to_its_end() -> None:
    start, end = parse_instant("now/d", NOW), parse_instant("now/d", NOW, end=True)
    midnight = datetime.fromtimestamp(NOW / 1000).replace(hour=0, minute=0, second=0, microsecond=0)
    assert start == int(midnight.timestamp() * 1000)
    assert end == start + 86_400_000 - 1


@pytest.mark.parametrize("text", ["ayer", "now-", "now-5x", ""])
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(BadTime, match="No se entiende"):
        parse_instant(text, NOW)


def test_range_upside_down_is_refused() -> None:
    with pytest.raises(BadTime, match="antes de empezar"):
        parse_range("now", "now-5m", NOW)


@pytest.mark.parametrize(("text", "milliseconds"), [("1m30s", 90_000), ("500ms", 500), ("1h", 3_600_000)])
def test_durations_come_and_go(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds
    assert format_duration(milliseconds) == text


def test_interval_is_round_and_never_below_the_minimum() -> None:
    assert query_interval(300_000, 1000, 1000) == 1000
    assert query_interval(3_600_000, 100, 1000) == 30_000
    assert query_interval(3_600_000, 100, 60_000) == 60_000


def test_rate_interval_holds_four_scrapes() -> None:
    assert rate_interval(1000, 1000) == 4000
    assert rate_interval(60_000, 1000) == 61_000
