"""Calls that do not fit the function."""

from collections.abc import AsyncIterator

from ensue import Event, Handle, Tasks

tasks = Tasks()


class Pool: ...


@tasks.resource
async def pool() -> AsyncIterator[Pool]:
    yield Pool()


@tasks.task
async def count(query: str, times: int = 1) -> int:
    return times


@tasks.task(max_retries=1)
def half(value: float) -> float:
    return value / 2


@tasks.task
async def wait(target: Handle[str]) -> str:
    return await target.result()


async def main() -> None:
    await count.submit(wrong="x")  # E: mypy,pyright
    await count.submit(3)  # E: mypy,pyright
    await count.submit()  # E: mypy,pyright
    await half.options(idempotency_key="k").submit("x")  # E: mypy,pyright
    half.options(idempotency_key=3)  # E: mypy,pyright
    count.args("a", time=2)  # E: mypy,pyright
    half("x")  # E: mypy,pyright
    await wait.submit(await count.submit("a"))  # E: mypy,pyright
    text: str = await (await count.submit("a")).result()  # E: mypy,pyright
    held: int = pool()  # E: mypy,pyright
    with pool.overriding("x"):  # E: mypy,pyright
        print(text, held)


paid = Event("order.paid", 3)  # E: mypy,pyright
tasks.task(max_retry=3)  # E: mypy,pyright
tasks.task(triggers="order.paid")  # E: mypy,pyright
tasks.trigger(main, [])  # E: mypy,pyright


@tasks.resource  # E: mypy,pyright
async def not_a_generator() -> Pool:
    return Pool()
