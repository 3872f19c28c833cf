"""Waiting for an end: nothing counts as settled before the log was read to its end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ensue import Engine, Tasks, current, on_event
from ensue_core.records import Record


def shop() -> tuple[Tasks, list[str]]:
    """Two tasks in a row, and what they have done."""
    tasks, done = Tasks("shop"), list[str]()

    @tasks.task(triggers=on_event("paid").with_args_from_event("order"))
    async def pack(order: str) -> None:
        current().emit("packed", {"order": order})

    @tasks.task(triggers=on_event("packed").with_args_from_event("order"))
    async def ship(order: str) -> None:
        done.append(order)

    return tasks, done


@pytest.mark.parametrize("page", [1, 2, 3])
async def test_short_pages_of_the_log_do_not_look_like_its_end(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, done = shop()
    async with Engine("memory:", tasks=[tasks]).running() as engine:
        whole = engine.store.log.read

        async def read(after: int, limit: int) -> Sequence[Record]:
            return await whole(after, min(limit, page))

        monkeypatch.setattr(engine.store.log, "read", read)
        for number in range(20):
            event = await engine.emit("paid", {"order": str(number)})
            await event.settled(timeout=10)
            assert done == [str(each) for each in range(number + 1)]


async def test_an_end_that_lies_in_the_past_is_found_at_once() -> None:
    tasks = Tasks("shop")

    @tasks.task
    async def pack(order: str) -> str:
        return order

    async with Engine("memory:", tasks=[tasks]).running() as engine:
        handles = [await pack.submit(str(number)) for number in range(5)]
        await handles[-1].result(timeout=10)
        began = engine.clock.monotonic()
        for number, handle in reversed([*enumerate(handles)]):
            assert await handle.result(timeout=10) == str(number)
        assert engine.clock.monotonic() - began < 4 * engine.defaults.poll_seconds
