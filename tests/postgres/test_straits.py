"""No room, no time, no connection left, clocks that are wrong: one sentence each, nothing half done, and on it goes."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ensue.testing.conformance.drafts import TASK, claim_one, end, event, step, submitted
from ensue_adapters.postgres import connections
from ensue_adapters.postgres.server_clock import ServerClock
from ensue_core.clock import SystemClock
from ensue_core.errors import StoreUnavailable
from ensue_core.ports import Committed
from tests.postgres.stores import Held, codes, connected, opened, whole, writer_of
from tests.servers.postgres import Server, unprivileged

HOUR = 3_600_000_000


class WrongClock(SystemClock):
    """A host's clock that can be set."""

    def __init__(self, off: int) -> None:
        self.off = off

    def now(self) -> int:
        """Return a wrong time."""
        return super().now() + self.off


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of a few megabytes."""
    if sys.platform != "linux" or os.getuid() != 0:
        pytest.skip("needs to be root on Linux to mount a small disk")
    folder = Path(tempfile.mkdtemp(prefix="ensue-small-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", folder], check=False)
    try:
        if mounted.returncode:
            pytest.skip("needs the right to mount a small disk")
        account = unprivileged()
        assert account.user is not None, "root runs no server itself"
        shutil.chown(folder, account.user, account.group)
        folder.chmod(0o700)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)
        folder.rmdir()


async def test_a_full_disk_is_one_sentence_and_loses_nothing(
    postgres: Server, postgres_url: str, small_disk: Path
) -> None:
    if not postgres.ours or postgres.data is None:
        pytest.skip("needs a server on this machine")
    async with connected(postgres_url) as owner:
        await owner.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
        await owner.execute("ALTER DATABASE postgres SET default_tablespace = small")
    try:
        await _fill(postgres_url, small_disk)
    finally:
        async with connected(postgres_url) as owner:
            await owner.execute("ALTER DATABASE postgres RESET default_tablespace")
            schema = postgres_url.rpartition("schema=")[2]
            await owner.execute(f"DROP SCHEMA {schema} CASCADE")
            await owner.execute("DROP TABLESPACE small")


def _enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=60m", disk], check=True)


async def _fill(url: str, disk: Path) -> None:
    large = b'"' + os.urandom(16_384).hex().encode() + b'"'
    stored = 0
    async with opened(url) as store:
        await store.log.append([submitted()])
        said = ""
        while not said:
            try:
                await store.log.append([event("large", large), event("large", large)])
                stored += 2
            except StoreUnavailable as error:
                said = str(error)
        assert re.search(r"has no room \([^\n]*\): nothing was stored, make some and try again", said)
        assert stored > 10
        for act in (
            lambda: store.log.append([submitted(arguments=b'{"a":' + large + b"}")]),
            lambda: store.decisions.commit(step(event("large", large), clock=1, through=0)),
        ):
            with pytest.raises(StoreUnavailable, match="has no room"):
                await act()
        assert len(await whole(store)) == stored + 1
        assert (await store.decisions.load("main")).row.step == ""
        await asyncio.to_thread(_enlarge, disk)
        assert isinstance(await store.decisions.commit(step(event("after"), clock=1)), Committed)
        claimed = await claim_one(store)
        assert await store.work.finish([end(claimed.row)]) == [True]
        dump = await store.dump_decisions()
        await store.rebuild_decisions()
        assert await store.dump_decisions() == dump
        assert len(await whole(store)) == stored + 1 + 2 + 2


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("lock_timeout", "stayed locked by another transaction"),
        ("statement_timeout", "took longer than a statement may"),
    ],
)
async def test_who_waits_too_long_is_told_and_nothing_is_stored(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, setting: str, says: str
) -> None:
    async with opened(postgres_url) as other:
        monkeypatch.setitem(connections.SETTINGS, setting, "300ms")
        async with opened(postgres_url) as store:
            await other.log.append([submitted()])
            held = Held(other, "held")
            await held.inserted.wait()
            for act in (
                lambda: store.log.append([event("late")]),
                lambda: store.log.append([submitted()]),
                lambda: store.decisions.commit(step(clock=1)),
                lambda: store.work.claim("w1", [TASK], 1, 15),
            ):
                with pytest.raises(StoreUnavailable, match=says):
                    await act()
            held.may_commit.set()
            await held.task
            await store.log.append([event("then")])
            assert await codes(store) == ["held", "then"]
            assert (await claim_one(store)).row.attempt == 1


async def test_a_transaction_that_stands_still_loses_the_log_lock(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.SETTINGS, "idle_in_transaction_session_timeout", "300ms")
    async with opened(postgres_url) as store, opened(postgres_url) as other:
        held = Held(store, "still")
        await held.inserted.wait()
        await other.log.append([event("next")])
        assert await codes(other) == ["next"]
        held.may_commit.set()
        await held.task  # its connection was lost before its commit, so it has been tried again
        assert await codes(other) == ["next", "still"]


async def test_a_busy_pool_is_one_sentence(postgres_url: str) -> None:
    async with opened(postgres_url, "&pool=2&command_timeout=0.5") as store:
        pool = writer_of(store).connections
        async with pool.session(), pool.session():
            for act in (store.log.head, lambda: store.log.append([event()]), store.decisions.chains):
                with pytest.raises(StoreUnavailable, match=r"connections to .* stayed busy: look for what takes so lo"):
                    await act()
        await store.log.append([event("then")])
        assert await codes(store) == ["then"]


async def test_a_server_without_connections_is_one_sentence(postgres: Server, postgres_url: str) -> None:
    async with opened(postgres_url), connected(postgres_url) as owner:
        await owner.execute("CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 0")
        try:
            with pytest.raises(StoreUnavailable, match="has no connection left: raise max_connections, or lower pool="):
                await opened(re.sub(r"(?<=://)[^@]*@", "few:few@", postgres_url)).__aenter__()
        finally:
            await owner.execute("DROP ROLE few")


# Clocks.


async def _server_time(url: str) -> int:
    async with connected(url) as connection:
        micros: int = await connection.fetchval("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        return micros


@pytest.mark.parametrize("off", [HOUR, -HOUR])
async def test_a_hosts_clock_that_is_set_by_an_hour_moves_nothing(postgres_url: str, off: int) -> None:
    clock = WrongClock(0)
    async with opened(postgres_url) as store, opened(postgres_url, clock=clock) as wrong:
        await store.log.append([submitted(), submitted()])
        mine = (await store.work.claim("w1", [TASK], 1, 30))[0]
        assert await store.leases.hold("leader/main", "right", "", 30)
        clock.off = off
        theirs = (await wrong.work.claim("w2", [TASK], 1, 30))[0]
        for each in (store, wrong):
            await each.log.append([event()])
            assert list(await each.work.expired(10)) == []
            assert not await wrong.leases.hold("leader/main", "wrong", "", 30)
            assert [holder for _, holder, _ in await each.leases.holders("leader/")] == ["right"]
        chain = await wrong.decisions.load("main")
        assert isinstance(await wrong.decisions.commit(step(clock=wrong.clock.now(), through=6)), Committed), chain
        assert await wrong.work.finish([end(theirs.row)]) == [True]
        assert await store.work.finish([end(mine.row)]) == [True]
        now = await _server_time(postgres_url)
        records = await whole(store)
        assert all(abs(record.time - now) < HOUR / 60 for record in records)
        (finding,) = [each for each in await wrong.health() if each.name == "clock"]
        assert not finding.well
        assert re.search(
            r"this machine's clock is -?3[56]\d\d\.\d s off the server's, which counts: set it", finding.says
        )


async def test_a_host_learns_that_the_server_was_set(postgres_url: str) -> None:
    clock = ServerClock(SystemClock())
    clock.told(1_000_000_000, clock.monotonic())
    assert abs(clock.now() - 1_000_000_000) < 1_000_000
    clock.told(1_000_000_000 + HOUR, clock.monotonic())
    assert abs(clock.now() - 1_000_000_000 - HOUR) < 1_000_000


async def test_a_slow_answer_does_not_blur_what_is_known() -> None:
    clock = ServerClock(SystemClock())
    clock.told(1_000_000_000, clock.monotonic())
    clock.told(1_000_000_000 - 100_000, clock.monotonic() - 1.0)
    assert abs(clock.now() - 1_000_000_000) < 100_000
