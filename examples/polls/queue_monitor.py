"""Monitors a queue: while it is too deep, it is drained, some at a time and several at once.

    python examples/polls/queue_monitor.py

`allow_concurrent=True`, as one drain under way is no reason not to begin another.
"""

import asyncio
from collections import deque

from ensue import Engine, Fire, Skip, Tasks, on_poll

tasks = Tasks("queue")
messages: deque[int] = deque(range(350))
THRESHOLD = 100
shallow = asyncio.Event()


async def too_deep() -> Fire | Skip:
    """Fire while the queue is deeper than it should be; an async function is asked on the loop."""
    depth = len(messages)
    return Fire({"depth": depth}) if depth > THRESHOLD else Skip()


@tasks.task(triggers=on_poll(too_deep, every="200ms", allow_concurrent=True).with_args_from_poll("depth"))
async def drain(depth: int) -> int:
    print(f"{depth} messages wait", flush=True)
    some = [messages.popleft() for _ in range(min(100, len(messages)))]
    await asyncio.sleep(len(some) / 1_000)
    if len(messages) <= THRESHOLD:
        shallow.set()
    return len(some)


async def main() -> None:
    async with Engine("sqlite:///queue.db", tasks=[tasks]).running():
        await shallow.wait()
    print(f"{len(messages)} are left", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
