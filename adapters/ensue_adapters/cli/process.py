"""How a process of ours is set up: the loop it runs on, and when its garbage is collected."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

_YOUNG = 20_000
"""Objects that come before the young are looked at. A Step of a thousand firings makes as many at once, and
nearly all of them live until it is committed: to look after every 700, as Python does, finds nothing."""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def collect_rarely() -> None:
    """Leave what is loaded by now to itself, and look at new objects in larger portions.

    For a process that is ours alone: `ensue run`, never an engine inside somebody's program.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)
