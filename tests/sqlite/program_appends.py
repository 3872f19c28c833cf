"""A process that appends without end: `program_appends.py FILE PER_BATCH`; prints what is durable."""

import asyncio
import sys

from ensue.testing.conformance.drafts import event
from ensue_adapters.sqlite import open_store
from ensue_core.clock import SYSTEM_CLOCK


async def main(file: str, size: int) -> None:
    store = open_store(f"sqlite:///{file}", "test", SYSTEM_CLOCK)
    await store.open()
    while True:
        answers = await store.log.append([event() for _ in range(size)])
        print(" ".join(str(each.position) for each in answers), flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
