"""Programs: everything checked against everything else."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ensue import Tasks
from ensue.program import Program, assemble
from ensue_core.declarations import OnResult
from ensue_core.errors import (
    ArgumentsMismatch,
    DeclarationError,
    DuplicateTask,
    EnsueError,
    ModuleNotLoaded,
    UnknownTask,
)
from tests.declare import rules
from tests.declare.loose import (
    Event,
    TaskRef,
    TriggerBuilder,
    on_any_result,
    on_cron,
    on_event,
    on_exception,
    on_result,
    on_status,
    on_success,
)

Reaction = Callable[[Any], Any]
"""Makes triggers from the task they may watch."""

if TYPE_CHECKING:
    from pathlib import PurePath as OnlyForCheckers


class Paid(msgspec.Struct):
    order: str
    amount: float = 1.0


class Odd: ...


paid = Event("order.paid", Paid)


def program(trigger: Reaction, other: Tasks | None = None) -> Program:
    """Assemble a task that takes `order` and reacts, and the task it watches."""
    tasks = Tasks("shop")

    @tasks.task
    async def charge(order: str, amount: float = 1.0) -> dict[str, float]:
        return {order: amount}

    @tasks.task(triggers=trigger(charge))
    async def ship(order: str, urgent: bool = False) -> None: ...

    return assemble([tasks] if other is None else [tasks, other])


def refuses(error: type[EnsueError], trigger: Reaction, *words: str) -> None:
    with pytest.raises(EnsueError) as caught:
        program(trigger)
    assert type(caught.value) is error, caught.value
    for word in ("shop.ship", *words):
        assert word in str(caught.value)


# Arguments that cannot fit.


CANNOT_FIT: list[tuple[Reaction, str]] = [
    (lambda _: on_event("a"), "'order' is missing"),
    (lambda _: on_event("a").with_args_static({}), "'order' is missing"),
    (lambda _: on_event("a").with_args_static({"order": "1", "speed": 2}), "no parameter 'speed'"),
    (lambda _: on_event("a").with_args_static({"order": 1}), "'order'"),
    (lambda _: on_event("a").with_args_static({"order": "1", "urgent": "yes"}), "'urgent'"),
    (lambda _: on_event("a").with_args_from_event("urgent"), "'order' is missing"),
    (lambda _: on_event("a").with_args_from_event("order", "speed"), "no parameter 'speed'"),
    (lambda _: TriggerBuilder().on_cron("@daily"), "with_args_"),
]


@pytest.mark.parametrize("trigger, word", CANNOT_FIT, ids=map(str, range(len(CANNOT_FIT))))
def test_arguments_that_cannot_fit_are_refused(trigger: Reaction, word: str) -> None:
    refuses(ArgumentsMismatch, trigger, word)


CAN_FIT: list[Reaction] = [
    lambda _: on_event(Event("p", dict[str, Any]), None).with_args_from_event("order"),
    lambda _: on_event(paid).with_args_from_event("order"),
    lambda charge: on_status(charge).with_args_from_status("order"),
    lambda _: on_status("shop.charge").with_args_from_status("order"),
    lambda _: on_status(TaskRef("other.task")).with_args_from_status("order"),
    lambda charge: on_success(charge).with_args_from_result("order"),
    lambda charge: on_exception(charge).with_args_from_exception("order"),
    lambda charge: (on_event(paid).by("order") & on_success(charge).by("order")).with_args_from_event("order"),
    lambda charge: (on_event(paid).by("order") & on_result(charge, {}).by("result.x")).with_args_from_event("order"),
]


@pytest.mark.parametrize("trigger", CAN_FIT, ids=map(str, range(len(CAN_FIT))))
def test_arguments_that_can_fit_are_accepted(trigger: Reaction) -> None:
    assert len(program(trigger).triggers) == 1


def test_fields_that_no_source_has_are_refused() -> None:
    class Other(msgspec.Struct):
        urgent: bool

    refuses(
        DeclarationError,
        lambda _: on_event(Event("o", Other)).with_args_from_event("order"),
        "'order'",
        "urgent",
    )

    tasks = Tasks("shop")

    @tasks.task
    async def source(name: str) -> None: ...

    @tasks.task(triggers=on_status(source).with_args_from_status("order"))
    async def ship(order: str) -> None: ...

    with pytest.raises(DeclarationError, match=r"shop\.ship/0.*only name"):
        assemble([tasks])


def test_filters_and_keys_that_nothing_can_have_are_refused() -> None:
    static = {"order": "1"}
    refuses(
        DeclarationError,
        lambda t: on_status(t, call_arguments={"kind": 1}).with_args_static(static),
        "'kind'",
        "order",
    )
    refuses(
        DeclarationError,
        lambda t: (on_event(paid).by("id") & on_status(t).by("order")).with_args_static(static),
        "'id'",
        "amount, order",
    )
    refuses(
        DeclarationError,
        lambda t: (on_event(paid).by("order") & on_status(t).by("result.id")).with_args_static(static),
        "'result.id'",
    )


def test_on_any_result_is_asked_about_failures_only_where_they_can_be_used() -> None:
    def failures(trigger: Reaction) -> list[bool]:
        (found,) = program(trigger).triggers
        return [each.failures for each in found.spec.conditions.values() if isinstance(each, OnResult)]

    both = {"order": "1"}
    assert failures(lambda t: on_any_result(t).with_args_static(both)) == [True]
    assert failures(lambda t: on_any_result(t).with_args_from_result(rules.from_result)) == [False]
    assert failures(lambda t: TriggerBuilder().on_any_result(t).with_args_from_result("order")) == [False]
    assert failures(
        lambda t: (
            on_any_result(t).with_args_from_result(rules.from_result).with_args_from_exception(rules.from_exception)
        )
    ) == [True]
    assert failures(lambda t: on_success(t).with_args_static(both)) == [False]


# Names.


def test_a_plain_task_name_must_exist() -> None:
    refuses(
        UnknownTask,
        lambda _: on_status("shop.chrage").with_args_static({"order": "1"}),
        "shop.chrage",
        "shop.charge",
    )


def test_a_plain_task_name_may_stand_in_another_router() -> None:
    other = Tasks("billing")

    @other.task
    async def bill() -> None: ...

    assert program(lambda _: on_status("billing.bill").with_args_static({"order": "1"}), other).triggers


def test_two_routers_may_not_declare_one_task() -> None:
    one, two = Tasks("a"), Tasks("a")

    @one.task(name="x")
    async def first() -> None: ...

    @two.task(name="x")
    async def second() -> None: ...

    with pytest.raises(DuplicateTask, match=r"'a\.x'.*test_program\.py:\d+ and test_program\.py:\d+"):
        assemble([one, two])
    assert list(assemble([one, one]).tasks) == ["a.x"]


def test_an_event_has_one_type() -> None:
    with pytest.raises(DeclarationError, match=r"order\.paid.*shop\.ship/1"):
        program(
            lambda _: [
                on_event(paid).with_args_from_event("order"),
                on_event(Event("order.paid", dict[str, str])).with_args_from_event("order"),
            ]
        )
    found = program(lambda _: on_event(paid).with_args_from_event("order"))
    assert found.events == {"order.paid": Paid}
    (trigger,) = found.triggers
    assert list(trigger.payload_types.values()) == [Paid]


# Annotations.


def test_types_without_a_json_form_are_refused() -> None:
    for declare in (_odd_parameter, _odd_result, _odd_inside):
        with pytest.raises(DeclarationError, match=r"shop\.ship.*Odd.*JSON"):
            assemble([declare()])
    with pytest.raises(DeclarationError, match=r"order\.odd.*shop\.ship/0"):
        program(lambda _: on_event(Event("order.odd", Odd)).with_args_from_event(rules.from_event))


def _odd_parameter() -> Tasks:
    tasks = Tasks("shop")

    @tasks.task
    async def ship(x: Odd) -> None: ...

    return tasks


def _odd_result() -> Tasks:
    tasks = Tasks("shop")

    @tasks.task
    async def ship() -> Odd:
        return Odd()

    return tasks


def _odd_inside() -> Tasks:
    tasks = Tasks("shop")

    @tasks.task
    async def ship(x: dict[str, list[Odd]] | None = None) -> None: ...

    return tasks


def test_an_annotation_that_is_not_there_at_run_time_is_refused() -> None:
    tasks = Tasks("shop")

    @tasks.task
    async def ship(x: "OnlyForCheckers") -> None: ...

    with pytest.raises(DeclarationError, match=r"shop\.ship.*OnlyForCheckers.*TYPE_CHECKING"):
        assemble([tasks])


def test_a_nested_task_may_use_local_types_by_name() -> None:
    class Local(msgspec.Struct):
        x: int

    tasks = Tasks()

    @tasks.task
    async def ship(local: "Local") -> "Local":
        return local

    definition = assemble([tasks]).tasks["ship"]
    assert definition.result_type is Local
    assert definition.decode(b'{"local":{"x":1}}', lambda id, type_: None)[0] == [Local(1)]


# Modules.


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def test_a_module_gives_its_routers(modules: Path) -> None:
    (modules / "api_shop_tasks.py").write_text(
        "from ensue import Tasks\ntasks, more = Tasks('shop'), Tasks('more')\n"
        "@tasks.task\nasync def pay() -> None: ...\n@more.task\ndef see() -> None: ...\n"
    )
    found = assemble(["api_shop_tasks"])
    assert sorted(found.tasks) == ["more.see", "shop.pay"]
    assert [each.is_async for each in found.tasks.values()] == [True, False]
    assert sorted(assemble(["api_shop_tasks:tasks"]).tasks) == ["shop.pay"]
    assert len(assemble(["api_shop_tasks", sys.modules["api_shop_tasks"].tasks]).sources) == 2


@pytest.mark.parametrize(
    "text, name, words",
    [
        (None, "no_such_shop", ["no_such_shop", "ModuleNotFoundError"]),
        ("import no_such_thing", "api_broken", ["api_broken", "no_such_thing"]),
        ("1 / 0", "api_broken", ["api_broken", "ZeroDivisionError"]),
        ("x = (", "api_broken", ["api_broken", "SyntaxError"]),
        ("x = 1", "api_broken", ["api_broken", "holds no Tasks"]),
        ("x = 1", "api_broken:tasks", ["api_broken:tasks", "holds no Tasks"]),
    ],
)
def test_a_module_that_cannot_be_used_is_named(modules: Path, text: str | None, name: str, words: list[str]) -> None:
    if text is not None:
        (modules / "api_broken.py").write_text(text)
    sys.modules.pop("api_broken", None)
    with pytest.raises(ModuleNotLoaded) as caught:
        assemble([name])
    for word in words:
        assert word in str(caught.value)


def test_a_version_covers_triggers_and_task_names() -> None:
    def version(*triggers: Any) -> str:
        tasks = Tasks()

        @tasks.task(triggers=list(triggers))
        async def ship() -> None: ...

        return assemble([tasks]).version

    assert version(on_event("a")) == version(on_event("a"))
    assert len({version(), version(on_event("a")), version(on_event("b")), version(on_cron("@daily"))}) == 4
