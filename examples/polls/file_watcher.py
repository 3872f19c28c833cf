"""Watches a folder: each file that appears in it is processed once, though nobody is told when one comes.

    python examples/polls/file_watcher.py inbox

One process of all polls. A file that is being processed is not begun again, and one that has been is moved away, so
that a restart finds only what is left to do.
"""

import asyncio
import os
import sys
from pathlib import Path

from ensue import Engine, Fire, Skip, Tasks, on_poll

tasks = Tasks("files")


def inbox() -> Path:
    """Return the folder that is watched."""
    return Path(os.environ.get("INBOX", "inbox"))


def new_file() -> Fire | Skip:
    """Fire for the oldest file that waits; a plain function is asked in a thread, so it may block."""
    waiting = sorted((each for each in inbox().glob("*.csv")), key=lambda each: each.stat().st_mtime_ns)
    return Fire({"name": waiting[0].name}) if waiting else Skip()


@tasks.task(triggers=on_poll(new_file, every="200ms").with_args_from_poll("name"))
def process(name: str) -> int:
    path = inbox() / name
    lines = len(path.read_text().splitlines())
    path.rename(path.with_suffix(".done"))
    print(f"{name}: {lines} lines", flush=True)
    return lines


async def main() -> None:
    if len(sys.argv) > 1:
        os.environ["INBOX"] = sys.argv[1]
    inbox().mkdir(exist_ok=True)
    async with Engine("sqlite:///files.db", tasks=[tasks]).running():
        print(f"watching {inbox()}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
