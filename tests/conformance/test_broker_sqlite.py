"""A store whose log lies at a broker keeps the contract with its views in a SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from ensue.testing.conformance import *  # noqa: F403
from ensue.testing.conformance import Handles
from ensue_adapters.broker.store import BrokerStore
from ensue_adapters.sqlite.folded import SQLiteFolded
from ensue_adapters.sqlite.store import SQLiteStore
from ensue_adapters.sqlite.url import parse_url
from ensue_core.clock import Clock
from tests.broker.simulated import SimulatedWire, Town


@pytest_asyncio.fixture
async def make_store(tmp_path: Path) -> AsyncIterator[Handles]:
    town, place = Town(), parse_url(f"sqlite:///{tmp_path}/views.db?synchronous=normal")

    def make(namespace: str, clock: Clock) -> BrokerStore:
        views = SQLiteFolded(SQLiteStore(place, namespace, clock))
        return BrokerStore(SimulatedWire(town.broker(namespace), clock), views, namespace, clock, 5.0)

    async with Handles(make) as handles:
        yield handles
