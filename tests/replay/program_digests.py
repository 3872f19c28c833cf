"""Prints the digests of a log in a file, in a process of its own: `program_digests.py URL PAGE`."""

from __future__ import annotations

import asyncio
import sys

from ensue.replay.verify import verify
from ensue_adapters.sqlite import open_store
from ensue_core.clock import SYSTEM_CLOCK


async def main(url: str, page: int) -> None:
    archive = open_store(url, "test", SYSTEM_CLOCK).archive()
    await archive.open()
    found = await verify(archive, page_records=page)
    await archive.close()
    print(found.well, *(f"{each.view}={each.folded.sum}" for each in found.views))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
