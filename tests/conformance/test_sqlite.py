"""The SQLite store keeps the contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ensue.testing.conformance import *  # noqa: F403
from ensue.testing.conformance import Handles

sqlite = pytest.importorskip("ensue_adapters.sqlite")


@pytest_asyncio.fixture
async def make_store(tmp_path: Path) -> AsyncIterator[Handles]:
    url = f"sqlite:///{tmp_path}/log.db"
    async with Handles(lambda namespace, clock: sqlite.open_store(url, namespace, clock)) as handles:
        yield handles
