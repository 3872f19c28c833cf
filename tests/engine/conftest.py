"""Every claim that takes `open_kit` is made on the memory store and on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.kits import MemoryKits, OpenKit, SQLiteKits


@pytest.fixture(params=["memory", "sqlite"])
def open_kit(request: pytest.FixtureRequest, tmp_path: Path) -> OpenKit:
    """Opens engines on one store."""
    return MemoryKits() if request.param == "memory" else SQLiteKits(tmp_path)


@pytest.fixture
def open_virtual() -> OpenKit:
    """Opens engines on one store in memory, where time is virtual and can be advanced."""
    return MemoryKits()
