"""Why an invocation has not ended yet."""

from __future__ import annotations

from ensue.queries.fresh import freshen
from ensue.queries.invocations import exact
from ensue.replay.told import Explanation
from ensue_core.clock import iso, to_datetime
from ensue_core.defaults import SECOND
from ensue_core.ids import Id
from ensue_core.ports import InvocationQuery, Store
from ensue_core.rows import InvocationRow, WorkRow

AHEAD_SHOWN_MAX = 1_000
"""How many earlier invocations of the task are counted."""


async def explain_invocation(store: Store, invocation: Id, lease_seconds: float) -> Explanation:
    """Say how an invocation stands, and what it waits for. Raises `NotFound`."""
    await freshen(store)
    row, _ = await exact(store, invocation)
    work = await store.work.get(invocation)
    if work is None:
        says = f"it ended {row.status} at {iso(row.ended)}" if row.ended else f"it is {row.status}"
        return _told(row, says)
    now = max(store.clock.now(), (await store.log.head()).time)
    if work.started:
        return await _running(store, row, work)
    if work.due > now:
        why = "its retry is" if work.attempt > 1 else "it is"
        return _told(row, f"{why} due at {iso(work.due)}, in {(work.due - now) / SECOND:.1f} s", "that time to come")
    return await _waiting(store, row, work, now, lease_seconds)


async def _running(store: Store, row: InvocationRow, work: WorkRow) -> Explanation:
    tries = await store.views.attempts(row.id)
    last = tries[-1] if tries else None
    worker = f" in {last.worker}" if last is not None and last.worker else ""
    since = f" since {iso(last.started)}" if last is not None else ""
    expired = [each.invocation for each in await store.work.expired(AHEAD_SHOWN_MAX)]
    if row.id in expired:
        return _told(
            row, f"attempt {work.attempt} began{since}{worker}, which has not been heard of for a lease",
            "a live worker, which takes it over: start `ensue run`",
        )  # fmt: skip
    return _told(row, f"attempt {work.attempt} runs{since}{worker}", "the body to end")


async def _waiting(store: Store, row: InvocationRow, work: WorkRow, now: int, lease_seconds: float) -> Explanation:
    """It is due and nobody has begun it."""
    age = f"it is due since {iso(work.due)} and no worker has begun it"
    services = [chain.service for chain in await store.decisions.chains() if row.task in chain.tasks]
    if not services:
        return _told(
            row, f"{age}: no declared program has a task {row.task!r}",
            f"a worker whose program has {row.task!r}: `ensue run` with that code",
        )  # fmt: skip
    running = await store.views.invocations(InvocationQuery(statuses=("RUNNING",), limit=AHEAD_SHOWN_MAX))
    same = sum(each.task == row.task for each in running)
    ahead = await store.views.invocations(
        InvocationQuery(
            task=row.task, statuses=("REGISTERED", "RETRY", "SCHEDULED"), before=row.created, limit=AHEAD_SHOWN_MAX
        )
    )
    before = sum(each.due <= work.due for each in ahead)
    live = [holder for service in services for _, holder, _ in await store.leases.holders(f"holder/{service}/")]
    if not live and not running:
        return _told(
            row, f"{age}: no process of service {' or '.join(services)} is live, and nothing runs",
            "a worker: start `ensue run`",
        )  # fmt: skip
    if running:
        says = f"{age}: {len(running)} run now ({same} of {row.task}), {before} of {row.task} are due before it"
        return _told(row, says, "a free slot: more workers, or shorter bodies")
    if now - work.due <= int(lease_seconds * SECOND):
        return _told(row, f"{age}: {before} of {row.task} are due before it", "its turn, which should come at once")
    return _told(
        row, f"{age}: service {' or '.join(services)} is live, but none of its processes works",
        "a process with a worker: `ensue run` without --only, or with --only worker",
    )  # fmt: skip


def _told(row: InvocationRow, says: str, needs: str = "") -> Explanation:
    return Explanation(
        trigger=row.trigger or "", when="", verdict="nothing", says=f"invocation {row.id} of {row.task}: {says}",
        needs=needs, time=to_datetime(row.registered), position=row.created,
    )  # fmt: skip
