"""Run one measure in this process, set up as `ensue run` sets its own up, and print the figures as JSON."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from pathlib import Path

import msgspec

from benchmarks.figures import Run
from ensue_adapters.cli.process import loop_factory, settle_in


def main(name: str, run: Run) -> None:
    """Measure."""
    logging.basicConfig(level=logging.ERROR)
    module = importlib.import_module(f"benchmarks.{name}")
    settle_in()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        figures = runner.run(module.measure(run))
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    name, folder, how, server, peers = sys.argv[1:]
    main(name, Run(Path(folder), how == "quick", server, peers == "peers"))
