"""`python -m benchmarks [--store postgres|kafka] [--quick] [--folder PATH] [--json PATH] [measure...]`."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console

from benchmarks import MEASURES, kafka, postgres
from benchmarks.awake import awake
from benchmarks.figures import Figure, show
from benchmarks.postgres.server import serving, version_of
from tests.servers.kafka import running as running_kafka

FOLDER = Path(__file__).parent


class Results(msgspec.Struct):
    """A run's figures, and on what they were measured."""

    machine: dict[str, str]
    quick: bool
    figures: list[Figure]


def main() -> int:
    """Run measures, each in a process of its own, show their figures and write them down."""
    asked = _arguments()
    on_postgres = asked.store == "postgres"
    figures: list[Figure] = []
    results = Results(machine(), asked.quick, figures)
    with _kept_awake(asked) as processors, _server(asked) as server:
        results.machine["processors"] = processors
        if on_postgres:
            results.machine["postgres"] = version_of(server)
        for name in asked.measures:
            print(f"{name} ...", file=sys.stderr, flush=True)
            figures += measured(name if asked.store == "sqlite" else f"{asked.store}.{name}", asked, server)
    default = FOLDER / ("results.json" if asked.store == "sqlite" else f"results-{asked.store}.json")
    if asked.json or not asked.quick:  # a short run's numbers say nothing
        (asked.json or default).write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    console = Console(width=None if sys.stdout.isatty() else 160)
    show(figures, console, "beside" if on_postgres else "bare")
    ratios = postgres.ratios(figures)
    if ratios is not None:
        console.print("\nensue beside its peers: what they reach (and how many times better ensue is)\n", ratios)
    print(f"\n{', '.join(f'{name} {value}' for name, value in results.machine.items())}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure how fast the engine is.")
    parser.add_argument("measures", nargs="*", metavar="measure", help="all by default")
    parser.add_argument("--store", choices=("sqlite", "postgres", "kafka"), default="sqlite", help="what holds the log")
    parser.add_argument("--quick", action="store_true", help="a short run, which shows that it works, not how fast")
    parser.add_argument("--folder", type=Path, help="where the files lie that are written: on the disk to measure")
    parser.add_argument("--json", type=Path, help="where the figures go (benchmarks/results.json)")
    parser.add_argument("--server", help="the URL of a Postgres, or HOST:PORT of a Kafka; one is started")
    parser.add_argument("--asleep", action="store_true", help="let processors that have nothing to do go to sleep")
    parser.add_argument("--no-peers", action="store_true", help="measure ensue alone on Postgres")
    asked = parser.parse_args()
    known = {"postgres": postgres.MEASURES, "kafka": kafka.MEASURES, "sqlite": MEASURES}[asked.store]
    unknown = [name for name in asked.measures if name not in known]
    if unknown:
        parser.error(f"there is no measure {unknown[0]!r}: choose from {', '.join(known)}")
    asked.measures = asked.measures or known
    return asked


@contextmanager
def _kept_awake(asked: argparse.Namespace) -> Generator[str, None, None]:
    """Keep the processors awake if that is wanted and can be done; say what they do."""
    if asked.asleep or asked.quick:
        yield "asleep when idle"
        return
    with awake() as kept:
        yield "kept awake" if kept else "asleep when idle"


@contextmanager
def _server(asked: argparse.Namespace) -> Generator[str, None, None]:
    """Give the URL of the server, "" where none is needed."""
    if asked.store == "postgres":
        with serving(asked.server, asked.folder) as url:
            yield url
    elif asked.store == "kafka":
        if asked.server is not None:
            yield asked.server
            return
        with running_kafka() as broker:
            yield broker.address
    else:
        yield ""


def measured(name: str, asked: argparse.Namespace, server: str) -> list[Figure]:
    """Run one measure in a new process and a new folder."""
    with tempfile.TemporaryDirectory(prefix="ensue-bench-", dir=asked.folder) as files:
        how, peers = "quick" if asked.quick else "full", "alone" if asked.no_peers else "peers"
        command = [sys.executable, "-m", "benchmarks.one", name, files, how, server, peers]
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
