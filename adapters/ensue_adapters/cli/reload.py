"""`ensue run --reload`: a child process that is started again when a Python file changes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ensue_adapters.cli.output import say
from ensue_core.errors import ConfigError

GRACE_SECONDS = 2
"""How long running bodies get when a file changes, where --grace says nothing."""


async def run_reloading(arguments: Sequence[str]) -> int:
    """Run this very command without --reload in a child, and again whenever a file below here changes.

    Signals go on to the child, which drains; its exit code is returned. Raises `ConfigError` where watchfiles
    is missing.
    """
    try:
        from watchfiles import PythonFilter, awatch  # pyright: ignore[reportUnknownVariableType] its types name trio
    except ImportError:
        raise ConfigError("--reload needs watchfiles: pip install 'ensue[reload]'") from None
    command = [sys.executable, "-m", "ensue_adapters.cli", *(each for each in arguments if each != "--reload")]
    if not any(each.startswith("--grace") for each in arguments):
        command += ["--grace", str(GRACE_SECONDS)]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    child = await asyncio.create_subprocess_exec(*command)
    told = 0

    def passed_on(number: int) -> None:
        nonlocal told
        stop.set()
        told = child.pid
        # A Ctrl-C in a terminal has reached the child too.
        if number == signal.SIGTERM:
            _end(child)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, passed_on, number)
    async for changes in awatch(Path.cwd(), watch_filter=PythonFilter(), stop_event=stop, raise_interrupt=False):
        say(f"{sorted(Path(path).name for _, path in changes)[0]} changed: starting again")
        _end(child)
        await child.wait()
        if stop.is_set():
            break
        child = await asyncio.create_subprocess_exec(*command)
    if stop.is_set() and child.pid != told:
        _end(child)
    code = await child.wait()
    # Below zero: a signal ended it, ours perhaps, before it could listen for any.
    return code if code >= 0 else 0 if stop.is_set() else 128 - code


def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
