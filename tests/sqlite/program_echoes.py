"""A process that answers each `ping` in the log with a `pong`: `program_echoes.py FILE`."""

import asyncio
import sys

from ensue.testing.conformance.drafts import event
from ensue_adapters.sqlite import open_store
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.facts import EventEmitted


async def main(file: str) -> None:
    # Polling is so slow here that only hints can explain a prompt answer.
    store = open_store(f"sqlite:///{file}?poll=30", "test", SYSTEM_CLOCK)
    await store.open()
    print("ready", flush=True)
    after = 0
    while await store.log.wait(after):
        for record in await store.log.read(after, 100):
            after = record.position
            if isinstance(record.fact, EventEmitted) and record.fact.code == "ping":
                await store.log.append([event("pong")])


asyncio.run(main(sys.argv[1]))
