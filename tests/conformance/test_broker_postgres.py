"""A store whose log lies at a broker keeps the contract with its views in Postgres."""

from collections.abc import AsyncIterator

import pytest_asyncio

from ensue.testing.conformance import *  # noqa: F403
from ensue.testing.conformance import Handles
from ensue_adapters.broker.store import BrokerStore
from ensue_adapters.postgres.folded import PostgresFolded
from ensue_adapters.postgres.place import parse_url
from ensue_adapters.postgres.store import PostgresStore
from ensue_core.clock import Clock
from tests.broker.simulated import SimulatedWire, Town


@pytest_asyncio.fixture
async def make_store(postgres_url: str) -> AsyncIterator[Handles]:
    town, place = Town(), parse_url(postgres_url)

    def make(namespace: str, clock: Clock) -> BrokerStore:
        views = PostgresFolded(PostgresStore(place, namespace, clock))
        return BrokerStore(SimulatedWire(town.broker(namespace), clock), views, namespace, clock, 5.0)

    async with Handles(make) as handles:
        yield handles
