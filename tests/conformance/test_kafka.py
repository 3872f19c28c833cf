"""A log in Kafka keeps the contract: a real broker, and views in a SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from ensue.testing.conformance import *  # noqa: F403
from ensue.testing.conformance import Handles
from ensue_adapters.broker.store import BrokerStore
from ensue_adapters.kafka.place import parse_url
from ensue_adapters.sqlite.folded import SQLiteFolded
from ensue_adapters.sqlite.store import SQLiteStore
from ensue_adapters.sqlite.url import parse_url as parse_sqlite
from ensue_core.clock import Clock
from tests.kafka.stamped import Pool, Turn
from tests.servers.kafka import Kafka

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Topics that the tests use one after another."""
    return Pool(f"c{uuid4().hex[:12]}")


@pytest_asyncio.fixture
async def make_store(tmp_path: Path, kafka: Kafka, pool: Pool) -> AsyncIterator[Handles]:
    place, _ = parse_url(kafka.url("any"))
    turn = Turn(pool, place)
    views = parse_sqlite(f"sqlite:///{tmp_path}/views.db?synchronous=normal")

    def make(namespace: str, clock: Clock) -> BrokerStore:
        return BrokerStore(turn.wire(namespace), SQLiteFolded(SQLiteStore(views, namespace, clock)), namespace, clock)

    async with Handles(make) as handles:
        yield handles
    turn.end()
