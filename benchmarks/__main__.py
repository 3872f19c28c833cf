"""`python -m benchmarks [--quick] [--folder PATH] [--json PATH] [measure...]`."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console

from benchmarks import MEASURES
from benchmarks.figures import Figure, show

RESULTS = Path(__file__).parent / "results.json"


class Results(msgspec.Struct):
    """A run's figures, and on what they were measured."""

    machine: dict[str, str]
    quick: bool
    figures: list[Figure]


def main() -> int:
    """Run measures, each in a process of its own, show their figures and write them down."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure how fast the engine is on SQLite.")
    parser.add_argument("measures", nargs="*", metavar="measure", help=f"one of {', '.join(MEASURES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a short run, which shows that it works, not how fast")
    parser.add_argument("--folder", type=Path, help="where the files lie that are written: on the disk to measure")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go (benchmarks/results.json)")
    asked = parser.parse_args()
    unknown = [name for name in asked.measures if name not in MEASURES]
    if unknown:
        parser.error(f"there is no measure {unknown[0]!r}: choose from {', '.join(MEASURES)}")
    figures: list[Figure] = []
    for name in asked.measures or MEASURES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        figures += measured(name, asked.folder, asked.quick)
    results = Results(machine(), asked.quick, figures)
    if not (asked.quick and asked.json == RESULTS):  # a short run's numbers say nothing
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    show(figures, Console(width=None if sys.stdout.isatty() else 140))
    print(f"\n{', '.join(f'{name} {value}' for name, value in results.machine.items())}")
    return 0


def measured(name: str, folder: Path | None, quick: bool) -> list[Figure]:
    """Run one measure in a new process and a new folder."""
    with tempfile.TemporaryDirectory(prefix="ensue-bench-", dir=folder) as files:
        command = [sys.executable, "-m", "benchmarks.one", name, files, "quick" if quick else "full"]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=list[Figure])


def machine() -> dict[str, str]:
    """Return what the figures depend on."""
    return {
        "cores": str(os.cpu_count()),
        "load": " ".join(f"{each:.2f}" for each in os.getloadavg()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


if __name__ == "__main__":
    sys.exit(main())
