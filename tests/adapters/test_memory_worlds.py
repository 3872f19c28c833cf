"""What is special about the memory store: its worlds, its URL, and the line where faults are put in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from ensue.testing import ManualClock
from ensue.testing.conformance.drafts import event, step
from ensue_adapters.memory import DirectLine, MemoryStore, MemoryWorld, open_store
from ensue_core.errors import CommitUnknown, ConfigError, StoreUnavailable
from ensue_core.ids import NO_ID
from ensue_core.ports import Committed, Store

T = TypeVar("T")


async def opened(url: str, namespace: str = "a") -> Store:
    store = open_store(url, namespace, ManualClock())
    await store.open()
    return store


async def test_stores_of_one_name_share_a_world() -> None:
    one, other = await opened("memory://shared"), await opened("memory://shared")
    await one.log.append([event()])
    assert (await other.log.head()).position == 1


async def test_a_store_without_a_name_is_alone() -> None:
    one, other = await opened("memory:"), await opened("memory:")
    await one.log.append([event()])
    assert (await other.log.head()).position == 0


async def test_a_world_outlives_its_stores() -> None:
    store = await opened("memory://lasting")
    await store.log.append([event()])
    await store.close()
    assert (await (await opened("memory://lasting")).log.head()).position == 1


@pytest.mark.parametrize("url", ["sqlite:///x", "memory://a/b", "memory://a?x=1", "memory", "memory:a#b"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="memory:"):
        open_store(url, "a", ManualClock())


async def test_a_store_that_is_not_open_says_so() -> None:
    with pytest.raises(StoreUnavailable, match="open"):
        await open_store("memory:", "a", ManualClock()).log.head()


class Faulty(DirectLine):
    """Loses the answer to each commit, or does each twice."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.carried: list[str] = []

    async def carry(self, operation: str, act: Callable[[], T]) -> T:
        self.carried.append(operation)
        if operation != "decisions.commit":
            return await super().carry(operation, act)
        if self.fault == "request":
            raise CommitUnknown("lost on its way there: look for the Step")
        answer = await super().carry(operation, act)
        if self.fault == "answer":
            raise CommitUnknown("lost on its way back: look for the Step")
        return await super().carry(operation, act) if self.fault == "twice" else answer


@pytest.mark.parametrize(("fault", "effective"), [("request", False), ("answer", True), ("twice", True)])
async def test_a_line_can_lose_and_repeat(fault: str, effective: bool) -> None:
    line = Faulty(fault)
    store = MemoryStore(MemoryWorld(), "a", ManualClock(), line)
    await store.open()
    mine = step(event(), after=NO_ID)
    if fault == "twice":
        await store.decisions.commit(mine)
    else:
        with pytest.raises(CommitUnknown):
            await store.decisions.commit(mine)
    assert isinstance(await store.decisions.find_step("main", mine.id), Committed) == effective
    assert (await store.log.head()).position == (2 if effective else 0)
    assert line.carried == ["decisions.commit", "decisions.find_step", "log.head"]
