"""Tasks are called, submitted and prepared with the function's own types; resources are typed, too."""

from collections.abc import AsyncIterator, Coroutine
from typing import Any, assert_type

from ensue import Arguments, AsyncTask, Handle, Resource, SyncTask, Tasks

tasks = Tasks()


class Pool:
    async def fetch(self, query: str) -> int:
        return len(query)


@tasks.resource
async def pool() -> AsyncIterator[Pool]:
    yield Pool()


@tasks.task
async def count(query: str, times: int = 1) -> int:
    return await pool().fetch(query) * times


@tasks.task(name="halve", max_retries=1)
def half(value: float) -> float:
    return value / 2


@tasks.task
async def wait(target: Handle[int], maybe: Handle[str] | None = None) -> int:
    return await target.result(timeout=3)


async def main() -> None:
    call: Coroutine[Any, Any, int] = count("a", times=2)
    assert_type(await call, int)
    assert_type(half(3), float)
    assert_type(await count.submit("a"), Handle[int])
    assert_type(await half.options(idempotency_key="k").submit(value=2.5), Handle[float])
    assert_type(count.args("a"), Arguments)
    assert_type(pool(), Pool)
    await wait.submit(await count.submit("b"))
    with pool.overriding(Pool()) as fake:
        assert_type(fake, Pool)


def kinds(one: AsyncTask[..., int], two: SyncTask[..., float], three: Resource[Pool]) -> None: ...


kinds(count, half, pool)
