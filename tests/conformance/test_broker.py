"""A store whose log lies at a broker keeps the contract: here a broker in memory, and views in memory."""

from collections.abc import AsyncIterator

import pytest_asyncio

from ensue.testing.conformance import *  # noqa: F403
from ensue.testing.conformance import Handles
from tests.broker.simulated import Town


@pytest_asyncio.fixture
async def make_store() -> AsyncIterator[Handles]:
    town = Town()
    async with Handles(town.store) as handles:
        yield handles
