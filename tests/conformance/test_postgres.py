"""The Postgres store keeps the contract."""

from collections.abc import AsyncIterator

import pytest_asyncio

from ensue.testing.conformance import *  # noqa: F403
from ensue.testing.conformance import Handles
from ensue_adapters.postgres import open_store


@pytest_asyncio.fixture
async def make_store(postgres_url: str) -> AsyncIterator[Handles]:
    async with Handles(lambda namespace, clock: open_store(postgres_url, namespace, clock)) as handles:
        yield handles
