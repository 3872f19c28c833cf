"""How a process of ours is set up: its loop, its garbage, and how its threads share the interpreter."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable

_YOUNG = 20_000
"""Objects that come before the young are looked at. A Step of a thousand firings makes as many at once, and
nearly all of them live until it is committed: to look after every 700, as Python does, finds nothing."""


_SWITCH_SECONDS = 0.0003
"""How long the event loop may keep a store's writer from the interpreter lock. The writer needs it for some
microseconds between two statements; with Python's 5 ms it waits through the loop's every longer piece of work."""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def settle_in() -> None:
    """Leave what is loaded by now to itself, look at new objects in larger portions, and let threads alternate.

    For a process that is ours alone: `ensue run`, never an engine inside somebody's program.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)
    sys.setswitchinterval(_SWITCH_SECONDS)
