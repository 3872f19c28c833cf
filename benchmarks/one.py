"""Run one measure in this process, set up as `ensue run` sets its own up, and print the figures as JSON."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from pathlib import Path

import msgspec

from benchmarks.figures import Run
from ensue_adapters.cli.process import collect_rarely, loop_factory


def main(name: str, folder: str, how: str) -> None:
    """Measure."""
    logging.basicConfig(level=logging.ERROR)
    module = importlib.import_module(f"benchmarks.{name}")
    collect_rarely()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        figures = runner.run(module.measure(Run(Path(folder), how == "quick")))
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
