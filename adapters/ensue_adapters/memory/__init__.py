"""The store that lives in this process: for tests, simulations and trying things out.

`memory:` is a world of its own; all `memory://name` of one name in a process share one, for as long as the
process lives.
"""

from __future__ import annotations

from ensue_adapters.memory.line import DirectLine, Line
from ensue_adapters.memory.store import MemoryStore, open_store
from ensue_adapters.memory.world import MemoryWorld

__all__ = ["DirectLine", "Line", "MemoryStore", "MemoryWorld", "open_store"]
