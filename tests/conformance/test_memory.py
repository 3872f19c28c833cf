"""The memory store keeps the contract."""

from collections.abc import AsyncIterator

import pytest_asyncio

from ensue.testing.conformance import *  # noqa: F403
from ensue.testing.conformance import Handles
from ensue_adapters.memory import MemoryStore, MemoryWorld


@pytest_asyncio.fixture
async def make_store() -> AsyncIterator[Handles]:
    world = MemoryWorld()
    async with Handles(lambda namespace, clock: MemoryStore(world, namespace, clock)) as handles:
        yield handles
