"""`ensue run --reload`: a child process that is started again when a Python file changes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from ensue_adapters.cli.output import say
from ensue_core.errors import ConfigError


async def run_reloading() -> int:
    """Run this very command without --reload in a child, and again whenever a file below here changes.

    Signals go on to the child, which drains; its exit code is returned. Raises `ConfigError` where watchfiles
    is missing.
    """
    try:
        from watchfiles import PythonFilter, awatch  # pyright: ignore[reportUnknownVariableType] its types name trio
    except ImportError:
        raise ConfigError("--reload needs watchfiles: pip install 'ensue[reload]'") from None
    command = [sys.executable, "-m", "ensue_adapters.cli", *(each for each in sys.argv[1:] if each != "--reload")]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    child = await asyncio.create_subprocess_exec(*command)

    def passed_on(number: int) -> None:
        stop.set()
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)

    # A Ctrl-C in a terminal reaches the child too; sent twice it would leave at once.
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGTERM, passed_on, signal.SIGTERM)
    async for changes in awatch(Path.cwd(), watch_filter=PythonFilter(), stop_event=stop, raise_interrupt=False):
        say(f"{sorted(Path(path).name for _, path in changes)[0]} changed: starting again")
        if child.returncode is None:
            child.terminate()
        await child.wait()
        child = await asyncio.create_subprocess_exec(*command)
    return await child.wait()
