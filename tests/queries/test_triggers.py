"""Triggers: looking at them, and pausing, resuming and firing them by hand."""

from __future__ import annotations

import pytest

from ensue import Tasks
from ensue.scheduler.people import resume_trigger
from ensue.scheduler.state import ChainState
from ensue.testing import engine_for
from ensue_core.changes import TriggerChanged
from ensue_core.errors import ArgumentsMismatch, BadQuery, CodeMissing, NotFound
from ensue_core.facts import TriggerPaused
from tests.queries import shop


async def test_a_trigger_is_shown_in_words_with_its_counts_and_slots() -> None:
    async with engine_for(shop.tasks) as kit:
        await kit.emit("order.paid", {"order": 1})
        await kit.settle()
        listed = {each.name: each for each in await kit.engine.triggers.list()}
        assert sorted(listed) == ["close/0", "compensate/0", "notify/0", "ship/0", "tidy/0"]
        assert (listed["ship/0"].fired, listed["ship/0"].matched, listed["ship/0"].waiting) == (1, 1, 0)
        assert listed["tidy/0"].next is not None
        assert listed["tidy/0"].next.isoformat() == "2026-01-01T03:00:00+00:00"
        found = await kit.engine.triggers.get("close/0")
        assert "order.paid" in found.sentence
        assert len(found.conditions) == 2


async def test_what_waits_for_partners_is_shown() -> None:
    async with engine_for(shop.tasks) as kit:
        shipped = await kit.emit("order.shipped", {"order": 9})
        await kit.settle()
        assert (await kit.engine.triggers.get("close/0")).waiting == 1
        (waits,) = (await kit.engine.triggers.get("close/0")).waits
        assert waits.source == shipped.id
        assert "order.shipped" in waits.condition


async def test_resuming_from_now_passes_over_what_came_meanwhile() -> None:
    async with engine_for(shop.tasks) as kit:
        triggers = kit.engine.triggers
        assert await triggers.pause("ship/0", author="ada")
        await kit.emit("order.paid", {"order": 1})
        await kit.settle()
        assert kit.ran(shop.ship) == []
        paused = await triggers.get("ship/0")
        assert (paused.state, paused.reason) == ("paused", "user")
        assert paused.behind > 0
        assert await triggers.resume("ship/0", "now")
        await kit.emit("order.paid", {"order": 2})
        await kit.settle()
        assert kit.ran(shop.ship) == [{"order": 2}]


async def test_resuming_by_catching_up_reacts_to_what_came_meanwhile_once() -> None:
    async with engine_for(shop.tasks) as kit:
        triggers = kit.engine.triggers
        await kit.emit("order.paid", {"order": 0})
        await kit.settle()
        await triggers.pause("ship/0")
        await kit.emit("order.paid", {"order": 1})
        await kit.settle()
        await triggers.resume("ship/0", "catch up")
        await kit.settle()
        assert kit.ran(shop.ship) == [{"order": 0}, {"order": 1}]
        assert (await triggers.get("ship/0")).state == "active"


async def test_a_paused_schedule_resumes_with_its_next_slot() -> None:
    async with engine_for(shop.tasks) as kit:
        await kit.engine.triggers.pause("tidy/0")
        await kit.advance("3d")
        assert kit.ran(shop.tidy) == []
        await kit.engine.triggers.resume("tidy/0", "now")
        await kit.settle()
        assert kit.ran(shop.tidy) == []
        await kit.advance("1d")
        assert len(kit.ran(shop.tidy)) == 1


async def test_repeating_pause_and_resume_says_nothing_twice() -> None:
    async with engine_for(shop.tasks) as kit:
        triggers, log = kit.engine.triggers, kit.engine.store.log
        assert not await triggers.resume("ship/0", "now")
        assert await triggers.pause("ship/0")
        head = await log.head()
        assert not await triggers.pause("ship/0")
        assert await log.head() == head
        assert await triggers.resume("ship/0", "catch up")
        assert not await triggers.resume("ship/0", "now")


async def test_a_service_that_resumes_from_now_has_skipped_what_came_meanwhile() -> None:
    async with engine_for(shop.tasks) as kit:
        triggers = kit.engine.triggers
        assert await triggers.pause_all(author="ada") == ["main"]
        assert await triggers.pause_all() == []
        await kit.emit("order.paid", {"order": 1})
        await kit.advance("2d")
        assert kit.ran(shop.ship) == []
        assert kit.ran(shop.tidy) == []
        assert await triggers.resume_all("now") == ["main"]
        assert await triggers.resume_all("now") == []
        await kit.emit("order.paid", {"order": 2})
        await kit.settle()
        assert kit.ran(shop.ship) == [{"order": 2}]
        assert kit.ran(shop.tidy) == []
        await kit.advance("1d")
        assert len(kit.ran(shop.tidy)) == 1


async def test_a_service_that_catches_up_decides_what_came_meanwhile() -> None:
    async with engine_for(shop.tasks) as kit:
        await kit.engine.triggers.pause_all("main")
        await kit.emit("order.paid", {"order": 1})
        await kit.advance("1h")
        await kit.engine.triggers.resume_all("catch up", "main")
        await kit.advance("1m")
        assert kit.ran(shop.ship) == [{"order": 1}]


async def test_a_trigger_that_lags_is_skipped_too() -> None:
    async with engine_for(shop.tasks) as kit:
        triggers = kit.engine.triggers
        await triggers.pause("ship/0")
        await kit.emit("order.paid", {"order": 1})
        await kit.settle()
        await triggers.pause_all()
        await triggers.resume("ship/0", "catch up")
        await triggers.resume_all("now")
        await kit.settle()
        assert kit.ran(shop.ship) == []
        await kit.emit("order.paid", {"order": 2})
        await kit.settle()
        assert kit.ran(shop.ship) == [{"order": 2}]


async def test_firing_by_hand_is_a_run_with_an_author_and_no_participants() -> None:
    async with engine_for(shop.tasks) as kit:
        fired = await kit.engine.triggers.fire("ship/0", {"order": 5}, author="ada")
        await kit.settle()
        assert kit.ran(shop.ship) == [{"order": 5}]
        run = await kit.engine.runs.get(fired.run)
        assert (run.author, run.participants, run.invocation) == ("ada", (), fired.invocation)
        assert run.arguments == {"order": 5}
        assert (await kit.engine.invocations.get(fired.invocation)).status == "SUCCESS"


async def test_firing_takes_static_arguments_and_checks_given_ones() -> None:
    async with engine_for(shop.tasks) as kit:
        await kit.engine.triggers.fire("notify/0")
        await kit.settle()
        assert kit.ran(shop.notify) == [{"channel": "mail"}]
        for arguments in ({"order": "seven"}, {"odrer": 7}, None):
            with pytest.raises(ArgumentsMismatch):
                await kit.engine.triggers.fire("ship/0", arguments)


async def test_an_unknown_or_retired_trigger_is_not_found() -> None:
    name = "tests.queries.nobody"
    async with engine_for(shop.tasks) as kit:
        triggers = kit.engine.triggers
        for act in (triggers.get, triggers.pause, triggers.fire):
            with pytest.raises(NotFound, match=name):
                await act(name)
        with pytest.raises(NotFound):
            await triggers.resume(name, "now")
        with pytest.raises(NotFound):
            await triggers.list(service="other")
        with pytest.raises(BadQuery, match="state"):
            await triggers.list(state="asleep")
        with pytest.raises(BadQuery, match="catch up"):
            await triggers.resume("ship/0", "yesterday")  # type: ignore[arg-type]


async def test_a_trigger_whose_code_is_missing_is_not_resumed_by_hand() -> None:
    async with engine_for(shop.tasks) as kit:
        state = ChainState(await kit.engine.store.decisions.load("main"))
        state.apply(TriggerChanged("main", "ship/0", "paused", state.row.through, reason="takeover"))
        with pytest.raises(CodeMissing):
            resume_trigger(state, 1, 1, "ship/0", "now", "")


async def test_a_pause_remembers_how_far_the_trigger_was_asked() -> None:
    async with engine_for(shop.tasks) as kit:
        await kit.emit("order.paid", {"order": 1})
        await kit.settle()
        through = (await kit.engine.store.decisions.load("main")).row.through
        await kit.engine.triggers.pause("ship/0", author="ada")
        facts = [record.fact for record in await kit.engine.store.log.read(0, 1_000)]
        (paused,) = [fact for fact in facts if isinstance(fact, TriggerPaused)]
        assert (paused.own, paused.author) == (through, "ada")


async def test_an_engine_without_tasks_lists_nothing_before_anything_is_declared() -> None:
    async with engine_for(Tasks()) as kit:
        assert [each.name for each in await kit.engine.triggers.list()] == []
