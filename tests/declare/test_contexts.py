"""Contexts, resources and what an open engine is to declarations."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from ensue import (
    Arguments,
    CronContext,
    EventContext,
    ExceptionContext,
    Handle,
    ResultContext,
    RunContext,
    Status,
    StatusContext,
    Tasks,
)
from ensue.bound import running_in
from ensue.contexts import pick
from ensue.resources import ResourceValues
from ensue.tasks import SubmitOptions, Task
from ensue_core.errors import ConfigError, DeclarationError, NotRunning

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Feed(msgspec.Struct):
    source: str


source: dict[str, Any] = {
    "invocation_id": "1",
    "task": "news.ingest",
    "arguments": Arguments(a=1),
    "attempt": 1,
    "timestamp": NOW,
}
event = EventContext(payload=Feed("rss"), event_id="e", event_code="feed", timestamp=NOW)
status = StatusContext(**source, status=Status.RETRY)
result = ResultContext(**source, status=Status.SUCCESS, result={"n": 2, "a": 9})
failure = ExceptionContext(**source, status=Status.FAILED, exception_type="Bad", exception_message="no")
cron = CronContext(timestamp=NOW)


def test_fields_are_picked_by_the_provider_that_asks() -> None:
    assert pick("event", event, ("source",)) == {"source": "rss"}
    assert pick("status", status, ("a",)) == {"a": 1}
    assert pick("status", result, ("a",)) == {"a": 1}
    assert pick("result", result, ("a", "n")) == {"a": 9, "n": 2}
    assert pick("exception", failure, ("a", "exception_type")) == {"a": 1, "exception_type": "Bad"}
    assert pick("cron", cron, ("timestamp", "last_execution")) == {"timestamp": NOW, "last_execution": None}


def test_a_missing_field_is_said() -> None:
    with pytest.raises(LookupError, match=r"payload of feed has no 'x'"):
        pick("event", event, ("source", "x"))
    bare = EventContext(payload=3, event_id="e", event_code="feed", timestamp=NOW)
    with pytest.raises(LookupError, match="no named fields"):
        pick("event", bare, ("x",))


def test_a_run_finds_its_participants_by_kind() -> None:
    run = RunContext((event, result, failure, cron))
    assert run.event is event
    assert run.status is result
    assert run.result is result
    assert run.exception is failure
    assert run.cron is cron
    assert run.of("news.ingest") is result
    assert run.of("other") is None
    assert run.events("feed") == (event,)
    assert run.events("x") == ()


def test_arguments_are_a_mapping() -> None:
    arguments = Arguments({"a": 1}, b=2)
    assert arguments == {"a": 1, "b": 2}
    assert arguments.kwargs["b"] == 2
    assert repr(arguments) == "Arguments(a=1, b=2)"
    with pytest.raises(AttributeError):
        arguments.a = 3  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]


def test_contexts_are_frozen() -> None:
    with pytest.raises(AttributeError):
        status.attempt = 2  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]


class Engine:
    """As much of an engine as declarations see."""

    def __init__(self) -> None:
        self.resources = ResourceValues()
        self.submitted: list[Any] = []

    async def submit_task(
        self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], options: SubmitOptions
    ) -> Handle[Any]:
        self.submitted.append((task.name, args, kwargs, options.idempotency_key))
        kind: type[Any] = Handle
        made: Handle[Any] = object.__new__(kind)
        return made


def router() -> tuple[Tasks, Any, Any]:
    tasks = Tasks("shop")

    @tasks.task
    async def pay(order: str) -> int:
        return 1

    @tasks.resource
    async def pool() -> AsyncIterator[str]:
        yield "real"

    return tasks, pay, pool


async def test_submit_and_resources_reach_the_open_engine() -> None:
    tasks, pay, pool = router()
    with pytest.raises(NotRunning, match=r"shop\.pay\.submit"):
        await pay.submit("1")
    with pytest.raises(NotRunning, match=r"shop\.pool"):
        pool()
    engine = Engine()
    tasks.bindings.add(engine)
    tasks.bindings.add(engine)
    await pay.submit("1")
    await pay.options(idempotency_key="k").submit(order="2")
    assert engine.submitted == [("shop.pay", ("1",), {}, None), ("shop.pay", (), {"order": "2"}, "k")]
    with pytest.raises(NotRunning, match=r"shop\.pool"):
        pool()
    engine.resources.opened(pool, "open")
    assert pool() == "open"
    engine.resources.override(pool, "fake")
    assert pool() == "fake"
    assert engine.resources.is_overridden(pool)
    engine.resources.restore(pool)
    assert pool() == "open"
    engine.resources.closed(pool)
    tasks.bindings.remove(engine)
    with pytest.raises(NotRunning):
        pool()


async def test_inside_a_task_the_engine_that_runs_it_answers() -> None:
    tasks, pay, _ = router()
    one, two = Engine(), Engine()
    tasks.bindings.add(one)
    tasks.bindings.add(two)
    with pytest.raises(ConfigError, match="2 open engines"):
        await pay.submit("1")
    token = running_in.set(two)
    try:
        await pay.submit("1")
    finally:
        running_in.reset(token)
    assert not one.submitted
    assert two.submitted


def test_a_value_can_stand_in_without_an_engine() -> None:
    _, _, pool = router()
    with pool.overriding("fake") as value:
        assert pool() == value == "fake"
        with pool.overriding("inner"):
            assert pool() == "inner"
        assert pool() == "fake"
    with pytest.raises(NotRunning):
        pool()


def test_a_resource_is_an_async_generator_without_parameters() -> None:
    tasks = Tasks("shop")

    async def value() -> str:
        return ""

    async def takes(x: int) -> AsyncIterator[str]:
        yield ""

    for wrong in (value, takes):
        with pytest.raises(DeclarationError, match=r"'shop\.\w+' must be an async generator"):
            tasks.resource(cast(Any, wrong))


async def test_calling_a_task_calls_the_function() -> None:
    _, pay, _ = router()
    assert await pay("x") == 1
    assert pay.__name__ == "pay"
    assert pay.__wrapped__ is pay.function
