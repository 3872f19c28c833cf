"""The Postgres store keeps the contract."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from ensue.testing.conformance import *  # noqa: F403
from ensue.testing.conformance import Handles
from ensue_adapters.postgres import open_store
from tests.servers.postgres import Server, running
from tests.servers.schemas import fresh_schema


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest_asyncio.fixture
async def make_store(postgres: Server) -> AsyncIterator[Handles]:
    async with fresh_schema(postgres) as url:
        async with Handles(lambda namespace, clock: open_store(url, namespace, clock)) as handles:
            yield handles
