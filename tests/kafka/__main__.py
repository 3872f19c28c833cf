"""`python -m tests.kafka --seconds 60`: ingesters and three brokers are killed for so long, on each kind of store."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.kafka.kills import Kills
from tests.servers import postgres
from tests.servers.brokers import cluster
from tests.servers.kafka import NEWEST


@contextmanager
def store_url(kind: str, folder: Path) -> Generator[str]:
    """The URL of a fresh store."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/log.db"
        return
    with postgres.running() as server:
        yield f"{server.url}?schema=kills"


def main() -> int:
    """Run the campaign on each store; the exit code is 1 where something was lost or repeated."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--brokers", type=int, default=3)
    parser.add_argument("--version", default=NEWEST)
    parser.add_argument("--stores", default="sqlite,postgres")
    asked = parser.parse_args()
    for kind in str(asked.stores).split(","):
        with tempfile.TemporaryDirectory() as name, store_url(kind, Path(name)) as url:
            with cluster(asked.version, asked.brokers) as brokers:
                report = asyncio.run(Kills(Path(name), url, brokers, asked.seed).run(asked.seconds / 2))
            print(f"{kind}, Kafka {asked.version}, {asked.brokers} brokers: {report}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
