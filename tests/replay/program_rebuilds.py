"""Rebuilds the query views of a store, telling how far it is: `python program_rebuilds.py URL RECORDS [SNAPSHOTS]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ensue import Engine
from ensue.replay.rebuild import rebuild_queries
from ensue.replay.snapshots import Snapshots
from ensue_core.defaults import Defaults


async def main(url: str, page_records: str, directory: str = "") -> None:
    """Say each page, and the verdicts at the end."""
    defaults = Defaults(lease_seconds=0.2, heartbeat_seconds=0.05)
    async with Engine(url, app_id="test", defaults=defaults) as engine:
        archive = engine.store.archive()
        await archive.open()
        found = await rebuild_queries(
            engine.store,
            archive,
            lambda done, total: print("folded", done, flush=True),
            page_records=int(page_records),
            defaults=defaults,
            snapshots=Snapshots(Path(directory), "test") if directory else None,
        )
        await archive.close()
        print("switched", len(found.views), len(found.different), flush=True)


asyncio.run(main(*sys.argv[1:]))
