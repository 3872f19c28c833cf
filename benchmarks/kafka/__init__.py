"""How fast the engine is with Kafka as its log, beside what a bare producer and a bare consumer do in the same run.

    make bench ARGS="--store kafka"              # everything, on a broker that is started here
    make bench ARGS="--store kafka emit"         # one measure
    make bench ARGS="--store kafka --server HOST:PORT"

One module a measure; each runs in a process of its own, on topics of its own. Views are in SQLite.
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from benchmarks.figures import Run

MEASURES = ("emit", "latency", "reactions", "scale")
"""The measures, each a module here with `async def measure(run: Run) -> list[Figure]`."""


def url_of(run: Run, name: str) -> str:
    """Return the URL of a log on new topics, with new views."""
    name = f"{name}-{uuid4().hex[:8]}"
    return f"kafka://{run.server}/{name}?views=sqlite:///{Path(run.folder) / name}.db"
