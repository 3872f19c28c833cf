"""An explanation agrees with what happened, names the first test that blocked and its value, and writes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ensue import (
    BadQuery,
    Defaults,
    Engine,
    Explanation,
    Handle,
    NotFound,
    Tasks,
    gt,
    on_cron,
    on_event,
    on_exception,
    on_result,
    on_status,
    one_of,
)
from ensue.testing import Kit, engine_for
from ensue.testing.clock import ManualClock
from tests.engine.kits import OpenKit, records

LIMIT = {"n": 5}


def large(payload: dict[str, Any]) -> bool:
    return bool(payload["n"] > LIMIT["n"])


def broken(payload: dict[str, Any]) -> bool:
    raise RuntimeError("no answer")


def odd(payload: dict[str, Any]) -> Any:
    return "perhaps"


def no_arguments(context: Any) -> dict[str, Any]:
    raise KeyError("missing")


def program() -> Tasks:
    tasks = Tasks()
    paid = on_event("paid").by("order")

    @tasks.task(triggers=on_event("paid", {"amount": gt(100), "place.country": one_of("FI", "SE")}).named("big"))
    async def pack() -> None: ...

    @tasks.task(triggers=(paid & on_event("sent").by("order")).within("1h").named("both"))
    async def close() -> None: ...

    @tasks.task(
        triggers=[
            on_event("counted", large).named("large"),
            on_event("counted", broken).named("broken"),
            on_event("counted", odd).named("odd"),
            on_event("counted").with_args_from_event(no_arguments).named("args"),
        ]
    )
    async def count() -> None: ...

    @tasks.task(triggers=on_event("work").with_args_from_event("n"))
    async def work(n: int) -> int:
        if n < 0:
            raise ValueError("negative")
        return n

    @tasks.task(
        triggers=[
            on_result(work, gt(3)).named("result"),
            on_exception(work, "TypeError").named("error"),
            on_status(work, "RUNNING", {"n": 1}).named("status"),
            (on_status(work, "RUNNING") & on_result(work, gt(3))).named("joined"),
        ]
    )
    async def after() -> None: ...

    @tasks.task(triggers=on_cron("0 3 * * *").named("nightly"))
    async def tidy() -> None: ...

    return tasks


async def told(t: Kit, trigger: str, event: str) -> Explanation:
    return await t.engine.explain(trigger, event=event)


async def test_the_first_test_that_blocks_is_named_with_what_it_saw(open_kit: OpenKit) -> None:
    async with open_kit(program()) as t:
        low = await t.emit("paid", {"amount": 80, "place": {"country": "FI"}, "order": 1})
        away = await t.emit("paid", {"amount": 101, "place": {"country": "NO"}, "order": 2})
        none = await t.emit("paid", {"amount": 101, "order": 3})
        high = await t.emit("paid", {"amount": 101, "place": {"country": "SE"}, "order": 4})
        await t.settle()
        log = await records(t)
        found = await told(t, "pack/big", low.id)
        assert (found.verdict, found.needs) == ("no", "payload amount > 100")
        assert found.says == "pack/big did not fire: payload amount > 100: it was 80"
        (condition,) = found.conditions
        assert (condition.holds, condition.saw, condition.recorded) == (False, 80, False)
        found = await told(t, "pack/big", away.id)
        assert found.says.endswith('payload place.country one of ["FI","SE"]: it was "NO"')
        assert (await told(t, "pack/big", none.id)).says.endswith('one of ["FI","SE"]: there is none')
        found = await told(t, "pack/big", high.id)
        assert found.verdict == "fired"
        (run,) = (await t.engine.runs.list(event=high.id, trigger="pack/big")).items
        assert found.runs == (run,)
        assert run.id in found.says
        assert found.conditions[0].recorded
        assert await records(t) == log, "an explanation appends nothing"


async def test_a_join_says_what_waits_since_when_and_for_what(open_virtual: OpenKit) -> None:
    async with open_virtual(program()) as t:
        first = await t.emit("paid", {"order": 7})
        await t.settle()
        found = await told(t, "close/both", first.id)
        assert (found.verdict, len(found.waits)) == ("waiting", 1)
        assert "waits since 2026-01-01T00:00:00" in found.says
        assert found.needs.startswith("event sent by order (key 7), until 2026-01-01T01:00:00")
        by_key = await t.engine.explain("close/both", key="7")
        assert (by_key.verdict, by_key.waits) == ("waiting", found.waits)
        assert (await t.engine.explain("close/both", key="8")).verdict == "nothing"
        await t.advance("2h")
        found = await told(t, "close/both", first.id)
        assert found.verdict == "expired"
        assert "its window passed at 2026-01-01T01:00:00" in found.says
        again = await t.emit("paid", {"order": 7})
        await t.emit("sent", {"order": 7})
        await t.settle()
        found = await told(t, "close/both", again.id)
        assert found.verdict == "fired"
        assert [each.condition for each in found.conditions] == ["event paid by order", "event sent by order"]
        by_key = await t.engine.explain("close/both", key="7")
        assert (by_key.verdict, len(by_key.runs)) == ("fired", 1)
        lost = await t.emit("paid", {"nothing": 1})
        await t.settle()
        assert (await told(t, "close/both", lost.id)).says.endswith("key order exists: there is none")


async def test_a_match_that_gave_way_and_a_join_that_closed_are_told_apart() -> None:
    async with engine_for(program(), defaults=Defaults(waiting_per_key_max=1)) as t:
        one = await t.emit("paid", {"order": 1})
        await t.emit("paid", {"order": 1})
        await t.settle()
        found = await told(t, "close/both", one.id)
        assert (found.verdict, "too many waited" in found.says) == ("dropped", True)
        await t.emit("work", {"n": 2})
        await t.settle()
        (worked,) = (await t.engine.invocations.list(task="work")).items
        found = await t.engine.explain("after/joined", event=worked.id)
        assert (found.verdict, "the join closed when" in found.says) == ("dropped", True)
        running, result = found.conditions
        assert (running.holds, running.recorded) == (True, True)
        assert (result.holds, result.saw, result.recorded) == (False, 2, False)
        assert found.says.endswith("said no (result > 3: it was 2)")


async def test_a_partner_that_was_denied_is_named_with_what_it_saw(open_virtual: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=(on_event("a").by("k") & on_event("b", {"n": gt(3)}).by("k")).within("1h").named("both"))
    async def both() -> None: ...

    async with open_virtual(tasks) as t:
        await t.emit("b", {"k": 1, "n": 2})
        first = await t.emit("a", {"k": 1})
        await t.emit("b", {"k": 2, "n": 1})
        await t.settle()
        found = await told(t, "both/both", first.id)
        assert (found.verdict, [each.saw for each in found.conditions]) == ("waiting", [None, 2])
        assert found.says.endswith("said no (payload n > 3: it was 2)")
        by_key = await t.engine.explain("both/both", key="1")
        assert (by_key.says.endswith("it was 2)"), [each.saw for each in by_key.conditions]) == (True, [2])
        await t.emit("b", {"k": 1, "n": 3})
        await t.advance("2h")
        found = await told(t, "both/both", first.id)
        assert (found.verdict, [each.saw for each in found.conditions]) == ("expired", [None, 3])
        late = await t.emit("b", {"k": 1, "n": 0})
        await t.settle()
        assert (await told(t, "both/both", first.id)).conditions == found.conditions, (
            "what came too late denied nothing"
        )
        assert (await told(t, "both/both", late.id)).verdict == "no"


async def test_functions_are_asked_again_and_failures_are_read_from_the_log(open_kit: OpenKit) -> None:
    async with open_kit(program()) as t:
        small, big = await t.emit("counted", {"n": 3}), await t.emit("counted", {"n": 9})
        await t.settle()
        found = await told(t, "count/large", small.id)
        assert (found.verdict, found.conditions[0].saw) == ("no", {"n": 3})
        assert found.says.endswith('payload passes large: it was {"n":3}')
        assert (await told(t, "count/large", big.id)).verdict == "fired"
        found = await told(t, "count/broken", big.id)
        assert found.verdict == "could not be asked"
        assert found.conditions[0].recorded
        assert "raised: RuntimeError: no answer" in found.says
        assert "not a bool" in (await told(t, "count/odd", big.id)).says
        found = await told(t, "count/args", big.id)
        assert (found.verdict, "missing" in found.says) == ("failed", True)


async def test_code_that_has_changed_since_is_not_taken_for_what_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    async with engine_for(program()) as t:
        small = await t.emit("counted", {"n": 3})
        await t.settle()
        monkeypatch.setitem(LIMIT, "n", 0)
        found = await told(t, "count/large", small.id)
        assert found.verdict == "no"
        assert "what is declared now says yes: it said no when it was asked" in found.says


async def test_without_its_code_a_function_is_said_to_be_missing(open_kit: OpenKit) -> None:
    url = str(getattr(open_kit, "url"))  # noqa: B009
    async with open_kit(program()) as t:
        small = await t.emit("counted", {"n": 3})
        await t.settle()
        async with Engine(url, app_id="test") as other:
            found = await other.explain("count/large", event=small.id)
            assert found.conditions[0].holds is None
            assert "its code is not here, name the program with --app" in found.says


async def test_changes_of_an_invocation_are_explained_too(open_kit: OpenKit) -> None:
    async with open_kit(program()) as t:
        for n in (1, 4, -1):
            await t.emit("work", {"n": n})
        await t.settle()
        calls = {
            (await t.engine.invocations.get(each.id)).arguments["n"]: each.id
            async for each in t.engine.invocations.all(task="work")
        }
        assert (await told(t, "after/status", calls[1])).verdict == "fired"
        assert (await told(t, "after/status", calls[4])).says.endswith("arguments n = 1: it was 4")
        assert (await told(t, "after/result", calls[4])).verdict == "fired"
        assert (await told(t, "after/result", calls[1])).says.endswith("result > 3: it was 1")
        found = await told(t, "after/error", calls[-1])
        assert found.says.endswith('exception is TypeError: it was "builtins.ValueError"')
        found = await told(t, "after/error", calls[1])
        assert (found.verdict, "that was REGISTERED, PENDING, RUNNING, SUCCESS" in found.says) == ("not heard", True)
        assert (await told(t, "after/joined", calls[4])).verdict == "fired"


async def test_what_was_never_asked_says_why(open_virtual: OpenKit) -> None:
    async with open_virtual(program()) as t:
        triggers = t.engine.triggers
        await triggers.pause("pack/big")
        event = await t.emit("paid", {"amount": 500, "order": 1})
        other = await t.emit("unheard", {})
        await t.settle()
        found = await told(t, "pack/big", event.id)
        assert (found.verdict, "it is paused (user) since position" in found.says) == ("not asked", True)
        assert (await told(t, "pack/big", other.id)).verdict == "not heard"
        await triggers.resume("pack/big", "now")
        found = await told(t, "pack/big", event.id)
        assert (found.verdict, "it counts records past position" in found.says) == ("not asked", True)
        await triggers.pause_all()
        event = await t.emit("paid", {"amount": 500, "order": 1})
        await t.settle()
        assert "service main is paused" in (await told(t, "pack/big", event.id)).says
    fewer = Tasks()

    @fewer.task
    async def pack() -> None: ...

    async with open_virtual(fewer) as t:
        found = await told(t, "pack/big", event.id)
        assert "it is retired" in found.says


async def test_a_trigger_that_is_only_a_draft_is_said_to_be_one(open_virtual: OpenKit) -> None:
    url = str(getattr(open_virtual, "url"))  # noqa: B009
    async with open_virtual() as t:
        event = await t.emit("paid", {"amount": 500})
        async with Engine(url, tasks=[program()], app_id="test") as draft:
            assert "not declared in this store" in (await draft.explain("pack/big", event=event.id)).says


async def test_a_slot_is_explained_by_its_time() -> None:
    async with engine_for(program(), now="2026-01-01T00:00Z") as t:
        await t.advance("28h")
        at = datetime(2026, 1, 1, 12, tzinfo=UTC)
        found = await t.engine.explain("tidy/nightly", at=at)
        assert found.verdict == "fired"
        assert "slot 2026-01-01T03:00:00" in found.says
        assert "the next slot is 2026-01-02T03:00:00" in found.says
        await t.engine.triggers.pause("tidy/nightly")
        await t.advance("1d")
        found = await t.engine.explain("tidy/nightly", at=datetime(2026, 1, 3, 4, tzinfo=UTC))
        assert found.verdict == "not asked"
        assert "did not tick: the trigger is paused" in found.says
        await t.emit("paid", {"amount": 500, "place": {"country": "FI"}, "order": 1})
        await t.settle()
        found = await t.engine.explain("pack/big", at=datetime(2026, 1, 1, 12, tzinfo=UTC))
        assert found.says.startswith("pack/big fired at 2026-01-03T04:00:00")


async def test_why_an_invocation_has_not_ended() -> None:
    tasks = Tasks()

    @tasks.task(max_retries=9, retry_first="10m")
    async def flaky() -> None:
        raise ValueError("no")

    @tasks.task()
    async def idle() -> None: ...

    clock = ManualClock()
    async with Engine("memory:", tasks=[tasks], clock=clock) as engine:
        await engine.declare()
        waiting = await engine.submit(idle)
        found = await engine.explain(invocation=waiting.id)
        assert "no worker has begun it: no process of service main is live, and nothing runs" in found.says
        unknown: Handle[Any] = await engine.submit("elsewhere.task", n=1)
        found = await engine.explain(invocation=unknown.id)
        assert "no declared program has a task 'elsewhere.task'" in found.says
        await engine.store.leases.hold("holder/main/p", "p", "v", 600)
        for _ in range(2):
            await engine.submit(idle)
        last = await engine.submit(idle)
        assert "3 of idle are due before it" in (await engine.explain(invocation=last.id)).says
        clock.advance(60)
        found = await engine.explain(invocation=waiting.id)
        assert "service main is live, but none of its processes works" in found.says
        assert "--only worker" in found.needs
        (claimed,) = await engine.store.work.claim("w1", ["idle"], 1, 15)
        found = await engine.explain(invocation=claimed.row.invocation)
        assert "attempt 1 runs since" in found.says
        assert "in w1" in found.says
        found = await engine.explain(invocation=last.id)
        assert "1 run now (1 of idle), 2 of idle are due before it" in found.says
        clock.advance(60)
        assert "not been heard of" in (await engine.explain(invocation=claimed.row.invocation)).says
    async with engine_for(tasks) as t:
        retrying = await t.engine.submit(flaky)
        done = await t.engine.submit(idle)
        await t.advance("1s")
        assert "it ended SUCCESS" in (await t.engine.explain(invocation=done.id)).says
        found = await t.engine.explain(invocation=retrying.id)
        assert "its retry is due at" in found.says
        assert found.needs == "that time to come"


async def test_questions_that_cannot_be_meant_are_one_sentence() -> None:
    async with engine_for(program()) as t:
        explain, event = t.engine.explain, await t.emit("paid", {})
        with pytest.raises(BadQuery, match="one of event, key or at"):
            await explain("pack/big")
        with pytest.raises(BadQuery, match="one of event, key or at"):
            await explain("pack/big", event=event.id, key="1")
        with pytest.raises(BadQuery, match="explained alone"):
            await explain("pack/big", invocation=event.id)
        with pytest.raises(NotFound, match="no trigger 'pack/bog'"):
            await explain("pack/bog", event=event.id)
        with pytest.raises(NotFound, match="no event or invocation"):
            await explain("pack/big", event="0" * 32)
        with pytest.raises(NotFound):
            await explain(invocation="0" * 32)


PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.sampled_from([0, 100, 101, 100.5, "101", True, None]),
        "place": st.sampled_from([{}, {"country": "FI"}, {"country": "NO"}, "FI", {"country": ["FI"]}]),
        "place.country": st.sampled_from(["SE", "NO"]),
        "order": st.sampled_from([1, "1", None]),
        "n": st.sampled_from([1, 7]),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["paid", "sent", "counted"]), PAYLOADS), min_size=1, max_size=6))
async def test_explanations_agree_with_what_happened(events: list[tuple[str, dict[str, Any]]]) -> None:
    async with engine_for(program()) as t:
        emitted = [(await t.emit(code, payload)).id for code, payload in events]
        await t.settle()
        names = [each.name for each in await t.engine.triggers.list()]
        for id in emitted:
            runs = {each.trigger: each.outcome for each in (await t.engine.runs.list(event=id)).items}
            for name in names:
                found = await told(t, name, id)
                waits = [each.source for each in (await t.engine.triggers.get(name)).waits]
                if name in runs:
                    assert found.verdict == runs[name]
                elif id in waits:
                    assert found.verdict == "waiting"
                else:
                    assert found.verdict in ("no", "not heard", "could not be asked")
                    assert found.verdict == "not heard" or found.conditions[0].holds is not True
