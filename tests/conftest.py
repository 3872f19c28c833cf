"""What tests of several folders share: servers, started once a session and only where they are asked for."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.servers import kafka as kafkas
from tests.servers.kafka import Kafka
from tests.servers.postgres import Server, running
from tests.servers.schemas import fresh_schema


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A Postgres server."""
    with running() as server:
        yield server


@pytest_asyncio.fixture
async def postgres_url(postgres: Server) -> AsyncIterator[str]:
    """The URL of a schema that is not there yet."""
    async with fresh_schema(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """A Kafka broker."""
    with kafkas.running() as broker:
        yield broker
