"""Named leases: soft state about who believes to hold what."""

from __future__ import annotations

import asyncio

import pytest

from ensue.testing.conformance.handles import Handles

__all__ = ["TestLeases"]


@pytest.mark.asyncio
class TestLeases:
    """`hold`, `release`, `holders`."""

    async def test_one_holds_and_the_other_waits(self, make_store: Handles) -> None:
        one, other = await make_store(), await make_store()
        assert await one.leases.hold("scheduler", "p1", "v1", 10)
        assert not await other.leases.hold("scheduler", "p2", "v2", 10)
        assert list(await other.leases.holders("scheduler")) == [("scheduler", "p1", "v1")]

    async def test_a_lease_runs_out(self, make_store: Handles) -> None:
        store = await make_store()
        assert await store.leases.hold("scheduler", "p1", "v1", 10)
        make_store.clock.advance(11)
        assert list(await store.leases.holders("")) == []
        assert await store.leases.hold("scheduler", "p2", "v2", 10)
        assert not await store.leases.hold("scheduler", "p1", "v1", 10)

    async def test_the_holder_renews_and_may_change_its_note(self, make_store: Handles) -> None:
        store = await make_store()
        assert await store.leases.hold("scheduler", "p1", "v1", 10)
        make_store.clock.advance(8)
        assert await store.leases.hold("scheduler", "p1", "v2", 10)
        make_store.clock.advance(8)
        assert not await store.leases.hold("scheduler", "p2", "", 10)
        assert list(await store.leases.holders("scheduler")) == [("scheduler", "p1", "v2")]

    async def test_a_released_lease_is_free(self, make_store: Handles) -> None:
        store = await make_store()
        assert await store.leases.hold("scheduler", "p1", "v1", 10)
        await store.leases.release("scheduler", "p1")
        assert await store.leases.hold("scheduler", "p2", "v1", 10)

    async def test_only_the_holder_releases(self, make_store: Handles) -> None:
        store = await make_store()
        assert await store.leases.hold("scheduler", "p1", "v1", 10)
        await store.leases.release("scheduler", "p2")
        await store.leases.release("nothing", "p2")
        assert not await store.leases.hold("scheduler", "p2", "v1", 10)

    async def test_holders_are_listed_by_the_beginning_of_the_name(self, make_store: Handles) -> None:
        store = await make_store()
        for name in ("live/main/2", "live/main/1", "live/mainly/1", "live_main/1", "Live/main/1"):
            assert await store.leases.hold(name, "p", name.upper(), 10)
        assert list(await store.leases.holders("live/main/")) == [
            ("live/main/1", "p", "LIVE/MAIN/1"),
            ("live/main/2", "p", "LIVE/MAIN/2"),
        ]
        assert [name for name, _, _ in await store.leases.holders("live_")] == ["live_main/1"]
        assert list(await store.leases.holders("%")) == []
        assert len(await store.leases.holders("")) == 5

    async def test_racing_processes_get_one_lease(self, make_store: Handles) -> None:
        handles = [await make_store() for _ in range(4)]
        for number in range(10):
            got = await asyncio.gather(
                *(each.leases.hold(f"l{number}", f"p{place}", "", 10) for place, each in enumerate(handles))
            )
            assert sum(got) == 1

    async def test_leases_do_not_cross_namespaces(self, make_store: Handles) -> None:
        one, other = await make_store("a"), await make_store("b")
        assert await one.leases.hold("scheduler", "p1", "", 10)
        assert await other.leases.hold("scheduler", "p2", "", 10)
        assert list(await other.leases.holders("")) == [("scheduler", "p2", "")]

    async def test_leases_are_no_part_of_what_a_rebuild_reproduces(self, make_store: Handles) -> None:
        store = await make_store()
        before = await store.dump_decisions()
        assert await store.leases.hold("scheduler", "p1", "", 10)
        assert await store.dump_decisions() == before
        assert (await store.log.head()).position == 0
