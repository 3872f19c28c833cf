"""The primary is gone and its standby takes over: nothing acknowledged is missing, or it is refused."""

import asyncio
from collections.abc import Iterator

import pytest

from ensue import Engine, HistoryLost, Tasks, on_event
from ensue.testing.conformance.drafts import TASK, end, event, matched, step, submitted
from ensue_adapters.postgres import PostgresStore
from ensue_core.errors import CommitUnknown, StoreUnavailable
from ensue_core.ids import Id, new_id
from tests.postgres.stores import codes, opened, whole
from tests.servers.cluster import Cluster, cluster

LAGS = "it ends at position 1, and position 3 was there before"


@pytest.fixture
def pair() -> Iterator[Cluster]:
    """A primary and its synchronous standby."""
    with cluster() as servers:
        yield servers


@pytest.fixture
def lagging() -> Iterator[Cluster]:
    """A primary and a standby that lags behind it."""
    with cluster(synchronous=False) as servers:
        yield servers


async def _emit(store: PostgresStore, acknowledged: list[Id], ending: asyncio.Event) -> None:
    while not ending.is_set():
        drafts = [event(), submitted()]
        try:
            await store.log.append(drafts)
            acknowledged += [each.id for each in drafts]
        except (StoreUnavailable, CommitUnknown):
            await asyncio.sleep(0.02)


async def _execute(store: PostgresStore, acknowledged: list[Id], ending: asyncio.Event) -> None:
    while not ending.is_set():
        try:
            claimed = await store.work.claim("w1", [TASK], 10, 15)
            ends = [end(each.row) for each in claimed]
            counted = await store.work.finish(ends)
            acknowledged += [each.end.id for each, counts in zip(ends, counted, strict=True) if counts]
        except (StoreUnavailable, CommitUnknown):
            pass
        await asyncio.sleep(0.005)


async def test_a_synchronous_standby_takes_over_with_all_that_was_acknowledged(pair: Cluster) -> None:
    acknowledged: list[Id] = []
    async with opened(pair.url) as one, opened(pair.url) as other:
        ending = asyncio.Event()
        work = [
            asyncio.create_task(each)
            for each in (
                _emit(one, acknowledged, ending),
                _emit(other, acknowledged, ending),
                _execute(other, acknowledged, ending),
            )
        ]
        for _ in range(3):
            await _more(acknowledged, 40)
            await asyncio.to_thread(pair.fail_over)
            await _more(acknowledged, 20)
            await asyncio.to_thread(pair.rejoin)
        await _more(acknowledged, 40)
        ending.set()
        async with asyncio.timeout(60):
            await asyncio.gather(*work)
    async with opened(pair.url) as fresh:
        records = await whole(fresh)
        assert [record.position for record in records] == list(range(1, len(records) + 1))
        assert set(acknowledged) <= {record.id for record in records}
        dump = await fresh.dump_decisions()
        await fresh.rebuild_decisions()
        assert await fresh.dump_decisions() == dump


async def _more(acknowledged: list[Id], more: int) -> None:
    wanted = len(acknowledged) + more
    async with asyncio.timeout(60):
        while len(acknowledged) < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_what_no_standby_has_confirmed_is_neither_acknowledged_nor_seen(pair: Cluster) -> None:
    async with opened(pair.url, "?command_timeout=1") as store, opened(pair.url) as other:
        await store.log.append([event()])
        head = 1
        acts = (
            lambda: store.log.append([event()]),
            lambda: store.log.append([submitted()]),
            lambda: store.decisions.commit(step(matched(1), clock=1)),
        )
        for act in acts:
            await asyncio.to_thread(pair.standby.kill)
            with pytest.raises(CommitUnknown):
                await act()
            assert len(await whole(other)) == head
            assert (await other.decisions.load("main")).row.step == ""
            await asyncio.to_thread(pair.standby.start)
            async with asyncio.timeout(20):
                head = await other.log.wait(head)


async def test_what_a_recovered_primary_shows_is_acknowledged_only_once_its_standby_has_it(pair: Cluster) -> None:
    keyed = submitted(id=new_id())
    async with opened(pair.url, "?command_timeout=1") as store:
        await store.log.append([event()])
        await asyncio.to_thread(pair.standby.kill)
        with pytest.raises(CommitUnknown):
            await store.log.append([keyed])
        await asyncio.to_thread(pair.primary.kill)
        await asyncio.to_thread(pair.primary.start)
        assert await store.log.find(keyed.id) is not None
        with pytest.raises(CommitUnknown):
            await store.log.append([keyed])
        await asyncio.to_thread(pair.standby.start)
        ((appended,)) = await store.log.append([keyed])
        assert (appended.position, appended.duplicate) == (2, True)


async def _lose_a_tail(pair: Cluster, store: PostgresStore) -> None:
    """Append one record that the standby gets, then two that it does not get before it takes over."""
    await store.log.append([event("kept")])
    await asyncio.to_thread(pair.catch_up)
    await asyncio.to_thread(pair.hold_back)
    await store.log.append([event("lost"), event("lost")])
    await asyncio.to_thread(pair.fail_over)


async def test_a_standby_that_lost_a_tail_is_refused_in_one_sentence(lagging: Cluster) -> None:
    async with opened(lagging.url) as store:
        await _lose_a_tail(lagging, store)
        with pytest.raises(HistoryLost, match=f"has lost what it had acknowledged .{LAGS}.: a standby that lagged"):
            await store.log.append([event("more")])
        for ask in (store.log.head, store.work.queued, store.decisions.chains, lambda: store.log.read(0, 9)):
            with pytest.raises(HistoryLost, match=LAGS):
                await ask()
        with pytest.raises(HistoryLost, match=LAGS):
            await store.log.wait(1)
    async with opened(lagging.url) as fresh:
        assert await codes(fresh) == ["kept"]


async def test_a_lost_tail_is_noticed_where_others_have_written_over_it(lagging: Cluster) -> None:
    async with opened(lagging.url) as store:
        await _lose_a_tail(lagging, store)
        async with opened(lagging.url) as fresh:
            await fresh.log.append([event("other") for _ in range(20)])
            with pytest.raises(HistoryLost, match="another record than before stands at position 3"):
                await store.log.head()


async def test_who_has_not_seen_what_is_lost_goes_on(lagging: Cluster) -> None:
    async with opened(lagging.url) as store:
        await store.log.append([event("kept")])
        await asyncio.to_thread(lagging.catch_up)
        async with opened(lagging.url, "?poll=3600") as other:
            assert len(await other.log.read(0, 9)) == 1
            assert other._listener is not None
            await other._listener.close()
            await asyncio.to_thread(lagging.hold_back)
            await store.log.append([event("lost")])
            await asyncio.to_thread(lagging.fail_over)
            ((appended,)) = await other.log.append([event("next")])
            assert appended.position == 2


async def test_engines_end_with_the_sentence(lagging: Cluster) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go"))
    async def react() -> None: ...

    async with Engine(lagging.url, tasks=[tasks]) as client:
        engine = Engine(lagging.url, tasks=[tasks])
        ready = asyncio.Event()
        serving = asyncio.create_task(engine.serve(ready=ready.set))
        await ready.wait()
        emitted = await client.emit("go")
        await emitted.settled(timeout=10)
        await asyncio.to_thread(lagging.catch_up)
        await asyncio.to_thread(lagging.hold_back)
        lost = await client.emit("go")
        await lost.settled(timeout=10)
        waiting = asyncio.create_task((await client.submit(react)).result(timeout=60))
        await asyncio.to_thread(lagging.fail_over)
        async with asyncio.timeout(15):
            with pytest.raises(HistoryLost):
                await serving
        with pytest.raises(HistoryLost):
            await client.emit("go")
        await asyncio.gather(waiting, return_exceptions=True)


async def test_a_standby_alone_is_refused_until_it_is_promoted(pair: Cluster) -> None:
    with pytest.raises(StoreUnavailable, match="is a standby: name the primary, or all hosts separated by commas"):
        await opened(pair.standby.url).__aenter__()
    await asyncio.to_thread(pair.fail_over)
    async with opened(pair.primary.url) as store:
        await store.log.append([event()])
