"""How a process of ours is set up: its loop, its log, what signals do, its garbage, how its threads alternate."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable

from ensue_adapters.cli.output import say
from ensue_core.clock import SYSTEM_CLOCK

SAME_SIGNAL_SECONDS = 0.5
"""Signals this close together are one."""

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


def hush_clients() -> None:
    """Leave it to us to say what is wrong with a broker: the client says each error again, and more of them."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def log_to_stderr(level: str) -> None:
    """Write what the log says to stderr."""
    if level != "debug":
        hush_clients()
    logging.basicConfig(
        stream=sys.stderr,
        level=level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )


def stop_on_signals(stop: asyncio.Event, grace: float) -> None:
    """The first signal drains; the second one leaves at once, as after a crash, which costs a lease and no truth."""
    loop = asyncio.get_running_loop()
    first = 0.0

    def heard(number: int) -> None:
        nonlocal first
        if stop.is_set():
            # Shells and wrappers often pass one Ctrl-C on twice.
            if SYSTEM_CLOCK.monotonic() - first < SAME_SIGNAL_SECONDS:
                return
            say("leaving at once")
            os._exit(128 + number)
        first = SYSTEM_CLOCK.monotonic()
        say(f"{signal.Signals(number).name}: draining, at most {grace:g} s; once more to leave at once")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, heard, number)
