"""Where the arguments of a run come from, and what becomes of a run whose arguments cannot be made."""

from __future__ import annotations

from typing import Any

import pytest

from ensue import (
    CronContext,
    EventContext,
    ExceptionContext,
    ResultContext,
    RunContext,
    StatusContext,
    Tasks,
    on_cron,
    on_event,
    on_exception,
    on_success,
)
from ensue_core.facts import RunFailed
from tests.engine.kits import OpenKit, facts


def of_event(context: EventContext[Any]) -> dict[str, Any]:
    return {"said": f"{context.event_code} {context.payload['n']} {context.emitter} {context.timestamp.tzinfo}"}


def of_status(context: StatusContext) -> dict[str, Any]:
    return {"said": f"{context.task} {context.status} {dict(context.arguments)}"}


def of_result(context: ResultContext[Any]) -> dict[str, Any]:
    return {"said": f"{context.result}"}


def of_exception(context: ExceptionContext) -> dict[str, Any]:
    return {"said": f"{context.exception_type}: {context.exception_message}"}


def of_cron(context: CronContext) -> dict[str, Any]:
    return {"said": context.timestamp.isoformat()}


def of_run(context: RunContext) -> dict[str, Any]:
    return {"said": " ".join(type(each).__name__ for each in context.participants)}


async def test_each_kind_of_participant_makes_arguments(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go").with_args_from_event("n"))
    async def work(n: int) -> str:
        if n:
            raise LookupError("gone")
        return "fine"

    @tasks.task(
        triggers=[
            on_event("go").with_args_static({"said": "static"}),
            on_event("go", {"n": 0}).with_args_from_event(of_event),
            on_success(work).with_args_from_status(of_status),
            on_success(work).with_args_from_result(of_result),
            on_exception(work).with_args_from_exception(of_exception),
            (on_event("go", {"n": 0}).by("n") & on_success(work).by("n")).with_args_from_run(of_run),
        ]
    )
    async def tell(said: str) -> None: ...

    async with open_kit(tasks) as t:
        for n in (0, 1):
            await t.emit("go", {"n": n})
        await t.settle()
        assert sorted(each["said"] for each in t.ran(tell)) == sorted(
            [
                "static",
                "static",
                "go 0 None UTC",
                "work SUCCESS {'n': 0}",
                "fine",
                "LookupError: gone",
                "EventContext ResultContext",
            ]
        )


async def test_a_slot_makes_arguments(open_virtual: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_cron("30 2 * * *").with_args_from_cron(of_cron))
    async def tell(said: str) -> None: ...

    async with open_virtual(tasks) as t:
        await t.advance("1d")
        assert t.ran(tell) == [{"said": "2026-01-01T02:30:00+00:00"}]


async def test_of_several_providers_the_first_that_fits_the_participants_is_asked(open_virtual: OpenKit) -> None:
    tasks = Tasks()
    either = on_cron("0 * * * *") | on_event("now")

    @tasks.task(
        triggers=either.with_args_from_cron(of_cron).with_args_from_event(of_event).with_args_static({"said": "x"})
    )
    async def tell(said: str) -> None: ...

    async with open_virtual(tasks) as t:
        await t.emit("now", {"n": 3})
        await t.settle()
        await t.advance("1h")
        assert [each["said"] for each in t.ran(tell)] == ["now 3 None UTC", "2026-01-01T01:00:00+00:00"]


def raises(context: EventContext[Any]) -> dict[str, Any]:
    raise ZeroDivisionError("no arguments today")


def misfits(context: EventContext[Any]) -> dict[str, Any]:
    return {"unknown": 1}


def is_no_mapping(context: EventContext[Any]) -> dict[str, Any]:
    return [1]  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


def is_wrongly_typed(context: EventContext[Any]) -> dict[str, Any]:
    return {"n": "many"}


@pytest.mark.parametrize(
    ("provider", "reason"),
    [(raises, "raised"), (misfits, "arguments"), (is_no_mapping, "provider"), (is_wrongly_typed, "arguments")],
)
async def test_arguments_that_cannot_be_made_are_a_failed_run_and_no_invocation(
    open_kit: OpenKit, provider: Any, reason: str
) -> None:
    tasks = Tasks()

    @tasks.task(triggers=[on_event("go").with_args_from_event(provider), on_event("go").with_args_from_event("n")])
    async def react(n: int) -> None: ...

    async with open_kit(tasks) as t:
        await t.emit("go", {"n": 1})
        await t.settle()
        assert t.ran(react) == [{"n": 1}]
        (failed,) = await facts(t, RunFailed)
        assert (failed.reason, len(failed.participants)) == (reason, 1)
        (shown,) = (await t.engine.runs.list(outcome="failed")).items
        assert (shown.invocation, shown.reason) == (None, reason)


async def test_a_failed_run_uses_its_participants_up(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=(on_event("a").by(None) & on_event("b").by(None)).with_args_from_event("missing"))
    async def react(missing: int) -> None: ...

    async with open_kit(tasks) as t:
        for code in ("a", "b", "b"):
            await t.emit(code, {"n": 1})
        await t.settle()
        assert len(await facts(t, RunFailed)) == 1
        (waits,) = (await t.engine.store.decisions.load("main")).waiting
        assert waits.kind == "event"
