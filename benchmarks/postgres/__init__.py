"""How fast the engine is on Postgres, beside its peers and beside what the same server does bare.

    make bench-postgres                          # everything, some minutes; makes the peers' environments
    make bench-postgres ARGS="--quick"           # a short run of everything
    make bench-postgres ARGS="--no-peers emit"   # one measure

One module a measure; each runs in a process of its own, in a database of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from benchmarks.figures import Figure

MEASURES = ("peers", "latency", "emit", "reactions", "ingest", "growth")
"""The measures, each a module here with `async def measure(run: Run) -> list[Figure]`."""


def ratios(figures: Sequence[Figure]) -> Table | None:
    """Return the table of ensue beside its peers; None where they did not take part."""
    from benchmarks.postgres.peers import ratios

    return ratios(figures)
