"""Keeps the processors awake while something is measured.

A processor that has nothing to do stops, and a virtual one is given to somebody else: it takes up to a millisecond
until it runs again, once for each trip between two threads. Machines that are measured have such states turned off.
Where we cannot do that, one process a processor counts, at the system's idle priority: it runs only where nothing
else wants to, and gives way at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

_COUNTING = """
import os
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == {parent}:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def awake() -> Generator[bool, None, None]:
    """Keep every processor awake; gives whether that can be done here (Linux)."""
    if not hasattr(os, "SCHED_IDLE"):
        yield False
        return
    program = _COUNTING.format(parent=os.getpid())
    counting = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(os.cpu_count() or 1)]
    try:
        yield True
    finally:
        for each in counting:
            each.kill()
            each.wait()
