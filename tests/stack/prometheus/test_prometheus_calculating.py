"""Una consulta pesada no para lo demás, tiene un tiempo contado y se puede dejar a medias."""

from __future__ import annotations

import asyncio
import time

import pytest

from stack.prometheus.embedded.calculating import Calculator, Limits
from stack.prometheus.embedded.promql import QueryTimeout
from stack.prometheus.embedded.storage import Storage
from tests.support.promql_data import loaded

HEAVY = "sum_over_time((sum(rate(m[10m])))[6h:1s])"


@pytest.fixture
def storage() -> Storage:
    return loaded(1, {f"m{{i={place}}}": "0+1x600" for place in range(20)})


def test_while_it_calculates_the_rest_goes_on_until_its_time_is_over(storage: Storage) -> None:
    async def main() -> int:
        ticks, calculator = 0, Calculator(storage)
        task = asyncio.create_task(
            calculator.instant(HEAVY, 3_600_000, lambda value: value, Limits(timeout_s=0.2))
        )
        while not task.done():
            await asyncio.sleep(0.001)
            ticks += 1
        with pytest.raises(QueryTimeout, match="timed out"):
            await task
        return ticks

    assert asyncio.run(main()) > 5


def test_what_is_running_can_be_left_unfinished(storage: Storage) -> None:
    async def main() -> None:
        calculator = Calculator(storage)
        task = asyncio.create_task(calculator.over_time(HEAVY, 0, 10**7, 1000, lambda value: value))
        await asyncio.sleep(0.05)
        calculator.cancel()
        with pytest.raises(QueryTimeout, match="canceled"):
            await task

    started = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - started < 5
