"""Run one measure in this process and print its figures as JSON: what `python -m benchmarks` starts."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from pathlib import Path

import msgspec

from benchmarks.figures import Run


def main(name: str, folder: str, how: str) -> None:
    """Measure."""
    logging.basicConfig(level=logging.ERROR)
    module = importlib.import_module(f"benchmarks.{name}")
    figures = asyncio.run(module.measure(Run(Path(folder), how == "quick")))
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
