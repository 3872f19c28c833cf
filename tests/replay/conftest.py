"""Claims about replays are made on the memory store and on SQLite."""

from __future__ import annotations

from tests.engine.conftest import open_kit as open_kit
from tests.engine.conftest import open_virtual as open_virtual
