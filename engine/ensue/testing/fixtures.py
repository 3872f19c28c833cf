"""The pytest plugin: a fixture `engine_for`, so that tests need no import."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from ensue.testing.kit import Kit
from ensue.testing.kit import engine_for as open_engine


@pytest.fixture
def engine_for() -> Callable[..., AbstractAsyncContextManager[Kit]]:
    """Return `ensue.testing.engine_for`: `async with engine_for(tasks) as t: ...`."""
    return open_engine
