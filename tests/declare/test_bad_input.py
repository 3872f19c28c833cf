"""Bad input: one clear error each, at the earliest moment, naming the task."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ensue import Tasks
from ensue_core.errors import (
    BadCron,
    BadDuration,
    BadFilter,
    DeclarationError,
    DuplicateTask,
    EmptyTrigger,
    EnsueError,
    JoinWithoutKey,
    NotModuleLevel,
    UnknownStatus,
)
from tests.declare import rules
from tests.declare.loose import (
    Event,
    TriggerBuilder,
    contains,
    eq,
    exists,
    ge,
    gt,
    lt,
    on_any_result,
    on_cron,
    on_event,
    on_exception,
    on_poll,
    on_result,
    on_status,
    on_success,
    one_of,
    prefix,
)


def react(trigger: Any) -> None:
    """Declare a task that reacts to a trigger."""
    tasks = Tasks("shop")

    @tasks.task(triggers=trigger)
    async def ship(value: int = 0) -> None: ...


def refuses(error: type[EnsueError], trigger: Any, *words: str) -> None:
    """Check the very class, that the task is named, and that the message is one sentence with a way out."""
    with pytest.raises(error) as caught:
        react(trigger)
    assert type(caught.value) is error
    message = str(caught.value)
    for word in ("shop.ship", *words):
        assert word in message
    assert ":" in message
    assert "\n" not in message


# Functions.


USES: list[Callable[[Any], Any]] = [
    lambda f: on_event("a", f),
    lambda f: on_status("t", call_arguments=f),
    lambda f: on_result("t", f),
    lambda f: on_exception("t", call_arguments=f),
    lambda f: on_any_result("t", f),
    lambda f: on_event("a").with_args_from_event(f),
    lambda f: on_status("t").with_args_from_status(f),
    lambda f: on_success("t").with_args_from_result(f),
    lambda f: on_exception("t").with_args_from_exception(f),
    lambda f: on_cron("@daily").with_args_from_cron(f),
    lambda f: (on_status("t") & on_success("t")).with_args_from_run(f),
    lambda f: TriggerBuilder().on_event("a").with_args_from_trigger_context(f),
]


@pytest.mark.parametrize("kind", sorted(rules.not_module_level))
@pytest.mark.parametrize("declare", USES, ids=map(str, range(len(USES))))
def test_code_that_other_processes_cannot_find_is_refused(declare: Callable[[Any], Any], kind: str) -> None:
    refuses(NotModuleLevel, declare(rules.not_module_level[kind]), "module level", "move it there")


def test_a_filter_is_a_plain_function_of_one_argument() -> None:
    refuses(DeclarationError, on_event("a", rules.slow), "slow", "plain def")
    refuses(DeclarationError, on_event("a", rules.two), "two", "one parameter")


def test_a_decorated_function_at_module_level_is_fine() -> None:
    react(on_event("a", rules.decorated))


# Words and lists.


@pytest.mark.parametrize("status", ["DONE", "", 3, None, ["SUCCESS", "DONE"]])
def test_an_unknown_status_is_refused(status: Any) -> None:
    refuses(UnknownStatus, on_status("t", status), "is not a status", "SUCCESS")


def test_empty_lists_are_refused() -> None:
    refuses(EmptyTrigger, on_status("t", []), "empty list of statuses")
    refuses(EmptyTrigger, on_exception("t", []), "empty list of types")
    refuses(EmptyTrigger, TriggerBuilder(), "waits for nothing")
    refuses(EmptyTrigger, TriggerBuilder().with_logic("or").with_args_static({}), "waits for nothing")


@pytest.mark.parametrize("types", [int, 3, "", "not a name", [ValueError, int], "a..b"])
def test_an_exception_type_is_a_class_or_a_name(types: Any) -> None:
    refuses(DeclarationError, on_exception("t", types), "exception classes")


@pytest.mark.parametrize(
    "expression, why",
    [
        ("", "0 fields"),
        ("* * *", "3 fields"),
        ("* * * * * * *", "7 fields"),
        ("0 0 0 1 1 * 2030", "7 fields"),
        ("R * * * *", "R and H"),
        ("H * * * *", "R and H"),
        ("h(0-10) * * * *", "R and H"),
        ("0 R/2 * * *", "R and H"),
        ("60 * * * *", "out of range"),
        ("a b c d e", "not acceptable"),
        ("0 0 30 2 *", "no such day"),
        ("61 * * * * *", "out of range"),
        ("@reboot", "alias"),
        ("@soon", "alias"),
        (5, "not text"),
    ],
)
def test_a_bad_cron_is_refused(expression: Any, why: str) -> None:
    refuses(BadCron, on_cron(expression), why, "5 fields")


@pytest.mark.parametrize(
    "expression",
    ["* * * * *", "*/5 * * * * *", "0 0 * jan-mar MON-fri", "@daily", "@Hourly", "0 0 L * *", " 0  3 * * * "],
)
def test_a_good_cron_is_accepted(expression: str) -> None:
    react(on_cron(expression))


def test_other_words_of_a_schedule_are_checked() -> None:
    refuses(BadCron, on_cron("@daily", timezone="Europe/Berlin"), "only 'UTC' yet")
    refuses(BadCron, on_cron("@daily", catchup="some"), "catchup")


@pytest.mark.parametrize("code", ["", "a b", "*", "a*", "a.*.b", "x" * 300, "a\n", None, 3])
def test_an_event_code_is_checked(code: Any) -> None:
    refuses(DeclarationError, on_event(code), "event")


def test_what_is_watched_is_a_task() -> None:
    refuses(DeclarationError, on_status(rules.nothing), "decorate it")
    for wrong in (None, 3, ""):
        refuses(DeclarationError, on_success(wrong), "watches no task")


@pytest.mark.parametrize("start", ["later", -1, True, 1.5, datetime(2026, 1, 1), "NOW"])  # noqa: DTZ001
def test_a_bad_start_is_refused(start: Any) -> None:
    refuses(DeclarationError, on_event("a").starting(start), ".starting(")


@pytest.mark.parametrize("start", ["now", "beginning", 0, 7, datetime(2026, 1, 1, tzinfo=UTC)])
def test_a_good_start_is_accepted(start: Any) -> None:
    react(on_event("a").starting(start))


@pytest.mark.parametrize("name", ["", "0", "12", "a/b", "a b", 3, "-a"])
def test_a_bad_name_is_refused(name: Any) -> None:
    refuses(DeclarationError, on_event("a").named(name), "is not a name")


def test_two_triggers_of_one_name_are_refused() -> None:
    refuses(DeclarationError, [on_event("a").named("x"), on_event("b").named("x")], "two triggers")


@pytest.mark.parametrize("trigger", ["order.paid", 3, None, on_event, TriggerBuilder, ["a"], {"a": 1}])
def test_what_is_no_trigger_is_refused(trigger: Any) -> None:
    refuses(DeclarationError, trigger, "TriggerBuilder()")


# Filters.


@pytest.mark.parametrize(
    "filter_, why",
    [
        ({3: 1}, "dotted paths"),
        ({"": 1}, "dotted paths"),
        ({"a": {"b": {"c": gt(5)}}}, "'a.b.c'"),
        ({"a": rules.passes_all}, "is a function"),
        ({"a": int}, "is a function"),
        ({"a": object()}, "JSON"),
        ({"a": float("nan")}, "nan"),
        ({"a": gt([1])}, "compares by order"),
        ({"a": ge(True)}, "compares by order"),
        ({"a": lt(datetime(2026, 1, 1, tzinfo=UTC))}, "compares by order"),
        ({"a": one_of()}, "at least one"),
        ({"a": prefix(3)}, "takes text"),
        ({"a": exists("no")}, "exists()"),
        (eq({1: object()}), "JSON"),
        (contains(float("inf")), "inf"),
    ],
)
def test_a_bad_filter_is_refused(filter_: Any, why: str) -> None:
    refuses(BadFilter, on_event("a", filter_), why)
    refuses(BadFilter, on_result("t", filter_), why)


def test_a_result_filter_is_required_and_call_arguments_are_a_mapping() -> None:
    refuses(BadFilter, on_result("t"), "on_success")
    refuses(BadFilter, on_status("t", call_arguments=3), "mapping")
    refuses(BadFilter, on_status("t", call_arguments=gt(3)), "mapping")


def test_a_comparison_is_no_answer() -> None:
    with pytest.raises(BadFilter):
        bool(gt(3))


# Providers.


@pytest.mark.parametrize(
    "trigger, why",
    [
        (on_event("a").with_args_static([1]), "with_args_static"),
        (on_event("a").with_args_static({1: 2}), "with_args_static"),
        (on_event("a").with_args_static({"value": float("nan")}), "nan"),
        (on_event("a").with_args_static({"value": object()}), "JSON"),
        (on_event("a").with_args_from_event(), "needs one function"),
        (on_event("a").with_args_from_event("value", "value"), "once"),
        (on_event("a").with_args_from_event("a.b"), "'a.b'"),
        (TriggerBuilder().on_event("a").with_args_from_event("x", rules.nothing), "needs one function"),
        (TriggerBuilder().on_event("a").with_args_from_run("x"), "needs one function"),
        (TriggerBuilder().on_event("a").with_args_from_status("x"), "takes that kind"),
        (TriggerBuilder().on_cron("@daily").with_args_from_event("x"), "takes that kind"),
        (TriggerBuilder().on_status("t").with_args_from_result("x"), "takes that kind"),
        (TriggerBuilder().on_any_result("t").with_args_from_exception("x"), "takes that kind"),
        ((on_event("a") | on_cron("@daily")).with_args_from_event("x"), "schedule @daily"),
    ],
)
def test_a_bad_provider_is_refused(trigger: Any, why: str) -> None:
    refuses(DeclarationError, trigger, why)


# Tasks.


def test_two_tasks_of_one_name_are_refused() -> None:
    tasks = Tasks("shop")

    @tasks.task
    async def ship() -> None: ...

    with pytest.raises(DuplicateTask, match=r"'shop\.ship'.*test_bad_input\.py:\d+ and test_bad_input\.py:\d+"):

        @tasks.task(name="ship")
        def other() -> None: ...


async def many(*items: int) -> None: ...


async def stream() -> Any:
    yield 1


class Loose(msgspec.Struct):
    x: int


@pytest.mark.parametrize(
    "function, why",
    [
        (many, "items"),
        (stream, "generator"),
        (lambda: 1, "is not a name"),
        (Loose, "decorate a function"),
        (3, "decorate a function"),
        (rules.Holder().method, "decorate a function"),
    ],
)
def test_what_cannot_be_a_task_is_refused(function: Any, why: str) -> None:
    with pytest.raises(DeclarationError, match=why) as caught:
        Tasks("shop").task(function)
    assert "shop." in str(caught.value)


@pytest.mark.parametrize(
    "options, why",
    [
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": True}, "max_retries"),
        ({"max_retries": "3"}, "max_retries"),
        ({"retry_for": [int]}, "retry_for"),
        ({"raises": "ValueError"}, "raises"),
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": 0}, "timeout"),
        ({"retry_first": object()}, "retry_first"),
        ({"max_retry": 3}, "max_retry"),
        ({"name": "a b"}, "a b"),
        ({"name": "a/b"}, "a/b"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], why: str) -> None:
    async def ship() -> None: ...

    with pytest.raises((DeclarationError, BadDuration), match=why) as caught:
        Tasks("shop").task(**options)(ship)
    assert "shop." in str(caught.value)


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda: True, NotModuleLevel, "on_poll"),
        ("polled", NotModuleLevel, "on_poll"),
        (rules.one_needed, DeclarationError, "without arguments"),
        (rules.counts, DeclarationError, "to return int"),
        (rules.yields, DeclarationError, "is a generator"),
        (rules.polled_for_text, DeclarationError, "to return str | bool"),
    ],
)
def test_a_poll_that_cannot_answer_is_refused(function: Any, error: type[EnsueError], words: str) -> None:
    refuses(error, on_poll(function), words)


@pytest.mark.parametrize("every", [0, -1, True, "often", "5", None, object()])
def test_a_poll_is_asked_at_a_pace(every: Any) -> None:
    refuses(BadDuration, on_poll(rules.polled, every=every), "every")


def test_a_poll_has_words_of_its_own() -> None:
    refuses(DeclarationError, on_poll(rules.polled, every="1ms"), "10ms")
    refuses(DeclarationError, on_poll(rules.polled, allow_concurrent="no"), "True or False")
    refuses(JoinWithoutKey, on_poll(rules.polled) & on_event("a"), "poll polled every 5s")
    react(on_poll(rules.polled, every="100ms"))
    react(on_poll(rules.polled_slowly, every="1h"))
    react(on_poll(rules.polled, every=timedelta(minutes=1), allow_concurrent=True))


@pytest.mark.parametrize("code", ["a b", "", "*"])
def test_a_bad_event_is_refused(code: str) -> None:
    with pytest.raises(DeclarationError, match="event code"):
        Event(code)


def test_a_wrong_trigger_leaves_no_task_behind() -> None:
    tasks = Tasks("shop")

    async def ship() -> None: ...

    with pytest.raises(EmptyTrigger):
        tasks.task(triggers=[on_event("a"), TriggerBuilder()])(ship)
    assert not tasks.declared_tasks
    tasks.task(ship)
    with pytest.raises(EmptyTrigger):
        tasks.trigger(tasks.declared_tasks["shop.ship"], [on_event("a"), TriggerBuilder()])
    assert not tasks.declared_tasks["shop.ship"].triggers
