"""The SQLite store keeps the contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from ensue.testing.conformance import *  # noqa: F403
from ensue.testing.conformance import Handles
from ensue_adapters.sqlite import open_store


@pytest_asyncio.fixture
async def make_store(tmp_path: Path) -> AsyncIterator[Handles]:
    url = f"sqlite:///{tmp_path}/log.db"
    async with Handles(lambda namespace, clock: open_store(url, namespace, clock)) as handles:
        yield handles
