"""What is said of an invocation is exact, wherever the query views stand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from ensue import Engine
from ensue.projector import Projector
from ensue.queries.invocations import exact
from ensue.testing import engine_for
from ensue_core.defaults import DEFAULTS
from ensue_core.errors import NotFound
from ensue_core.ids import Id
from ensue_core.ports import Views
from ensue_core.records import Record
from tests.queries import shop


async def test_a_submit_is_seen_at_once_without_any_projector() -> None:
    async with Engine("memory:", tasks=[shop.tasks]) as engine:
        handle = await shop.flaky.submit()
        assert await handle.status() == "REGISTERED"
        await handle.cancel()
        assert await handle.status() == "CANCELLED"
        assert [each.status for each in await handle.history()] == ["REGISTERED", "CANCELLED"]
        assert (await engine.invocations.list(status="CANCELLED")).items[0].id == handle.id


async def test_a_view_that_moves_while_it_is_read_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with engine_for(shop.tasks) as kit:
        handle = await kit.submit(shop.flaky)
        await kit.advance("1h")
        store, id = kit.engine.store, Id(handle.id)
        records = [record async for record in _all(kit.engine)]
        row, attempts = await exact(store, id)
        assert (row.status, row.attempts, len(attempts)) == ("SUCCESS", 3, 3)
        views: Views = store.views
        for rows_at in range(len(records) + 1):
            # The rows as they are once the views have folded so much, and a cursor read at any time before.
            await views.drop()
            await _fold(kit.engine, rows_at)
            for read_at in range(rows_at + 1):

                async def cursor(projection: str, version: int, at: int = read_at) -> int:
                    return at

                with monkeypatch.context() as patch:
                    patch.setattr(views, "cursor", cursor)
                    found, tries = await exact(store, id)
                assert (found, dict(tries)) == (row, dict(attempts)), (rows_at, read_at)


async def test_an_invocation_that_never_was_is_not_found() -> None:
    async with engine_for(shop.tasks) as kit:
        with pytest.raises(NotFound):
            await kit.engine.invocations.get("0" * 32)


async def test_views_that_lie_far_behind_are_folded_first() -> None:
    async with Engine("memory:", tasks=[shop.tasks]) as engine:
        handle = await shop.flaky.submit()
        await engine.emit_many("noise", [{"n": n} for n in range(DEFAULTS.page_records_max + 10)])
        assert (await engine.invocations.get(handle.id)).status == "REGISTERED"
        assert len([each async for each in engine.events.all()]) == DEFAULTS.page_records_max + 10


async def _all(engine: Engine) -> AsyncIterator[Record]:
    at = 0
    while page := await engine.store.log.read(at, 100):
        for record in page:
            yield record
        at = page[-1].position


async def _fold(engine: Engine, upto: int) -> None:
    defaults = msgspec.structs.replace(DEFAULTS, page_records_max=1)
    projector = Projector(engine.store, engine.clock, defaults, process="test", gather_seconds=0)
    while (projector.position or 0) < upto:
        await projector.page()
