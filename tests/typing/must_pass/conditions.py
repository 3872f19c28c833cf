"""Conditions, filters, joins and providers, typed."""

from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import msgspec

from ensue import (
    Arguments,
    Composite,
    Condition,
    CronContext,
    EndContext,
    Event,
    EventContext,
    ExceptionContext,
    Fire,
    PollContext,
    ResultContext,
    RunContext,
    Skip,
    Status,
    StatusContext,
    TaskRef,
    Tasks,
    Trigger,
    contains,
    eq,
    exists,
    ge,
    gt,
    le,
    lt,
    ne,
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


class Paid(msgspec.Struct, frozen=True):
    order_id: str
    amount: float


class Receipt(msgspec.Struct, frozen=True):
    order_id: str
    total: float


tasks = Tasks("shop")
paid = Event("order.paid", Paid)
shipped = Event("order.shipped")
billed = TaskRef("billing.charge", returns=Receipt)


@tasks.task(max_retries=3, retry_for=ConnectionError, retry_first="2s", timeout="1m", raises=[ValueError])
async def charge(order_id: str, amount: float = 1.0) -> Receipt:
    return Receipt(order_id, amount)


@tasks.task
def maybe(order_id: str) -> str | None:
    return order_id or None


def too_deep() -> Fire | Skip:
    return Fire({"depth": 3}) if maybe("x") else Skip()


async def too_slow() -> Fire | type[Skip]:
    return Skip


def yes_or_no() -> bool:
    return True


assert_type(on_event(paid), Condition[EventContext[Paid]])
assert_type(on_event("order.*"), Condition[EventContext[dict[str, Any]]])
assert_type(on_event(shipped), Condition[EventContext[dict[str, Any]]])
assert_type(on_success(charge), Condition[ResultContext[Receipt]])
assert_type(on_any_result(billed), Condition[EndContext[Receipt]])
assert_type(on_status("shop.charge"), Condition[StatusContext])
assert_type(on_cron("0 0 3 * * *", catchup="all"), Condition[CronContext])
assert_type(on_poll(too_deep, every="100ms"), Condition[PollContext])
assert_type(on_poll(too_slow, timedelta(minutes=1), allow_concurrent=True), Condition[PollContext])
assert_type(on_poll(yes_or_no).by("depth") & on_event(paid).by(None), Composite)
assert_type(on_event(paid) & on_event(shipped), Composite)
assert_type((on_event(paid) | on_event(shipped)).with_args_from_event("order_id"), Trigger)


def large(payload: Paid) -> bool:
    return payload.amount > 100


def is_total(result: Receipt) -> bool:
    return result.total > 1


def from_paid(ctx: EventContext[Paid]) -> Arguments:
    return follow.args(ctx.payload.order_id)


def from_receipt(ctx: ResultContext[Receipt]) -> dict[str, str]:
    return {"order_id": ctx.result.order_id}


def from_status(ctx: StatusContext) -> dict[str, Any]:
    assert_type(ctx.status, Status)
    return {"order_id": ctx.arguments["order_id"]}


def from_failure(ctx: ExceptionContext) -> dict[str, str]:
    return {"order_id": ctx.exception_type + ctx.exception_message}


def from_slot(ctx: CronContext) -> Arguments:
    assert_type(ctx.last_execution, datetime | None)
    return Arguments(order_id=ctx.timestamp.isoformat())


def from_poll(ctx: PollContext) -> dict[str, str]:
    return {"order_id": ctx.payload["order_id"]}


def from_run(ctx: RunContext) -> Arguments:
    assert_type(ctx.result, ResultContext[Any] | None)
    charged = ctx.of(charge)
    return Arguments(order_id=charged.arguments["order_id"] if charged else "")


@tasks.task(
    triggers=[
        on_event(paid, large).with_args_from_event(from_paid),
        on_event(paid, {"amount": ge(5), "order_id": prefix("A")}).with_args_from_event("order_id"),
        on_event("order.*", {"meta.tags": contains("new"), "x": exists(False)}).with_args_from_event("order_id"),
        on_success(charge).with_args_from_result(from_receipt).named("receipt"),
        on_result(charge, is_total).with_args_from_result(from_receipt),
        on_result(charge, {"total": lt(9)}).with_args_from_result("order_id"),
        on_result(billed, eq({"order_id": "1", "total": 2})).with_args_from_result(from_receipt),
        on_result(maybe, None).with_args_from_status(from_status),
        on_result(maybe, "a").with_args_from_status("order_id"),
        on_result("shop.maybe", one_of("a", "b")).with_args_static({"order_id": "x"}),
        on_status(charge, ["RETRY", Status.FAILED], {"amount": le(3)}).with_args_from_status(from_status),
        on_status(charge, "failed", {"order_id": ne("x")}).with_args_from_status(from_status),
        on_any_result(charge).with_args_from_result(from_receipt).with_args_from_exception(from_failure),
        on_exception(charge, [ValueError, "TimeoutError"]).with_args_from_exception(from_failure),
        on_exception(charge).with_args_from_status(from_status),
        on_cron("@daily").with_args_from_cron(from_slot).starting("now"),
        on_poll(too_deep).with_args_from_poll(from_poll),
        on_poll(too_slow).with_args_from_poll("order_id").named("slow"),
        (on_event(paid).by("order_id") & on_success(charge).by("result.order_id"))
        .within("15m")
        .with_args_from_run(from_run)
        .starting(datetime(2026, 1, 1, tzinfo=UTC)),
        (on_event(paid).by(None) & (on_cron("0 3 * * *").by(None) | on_event(shipped).by(None)))
        .with_args_from_event("order_id")
        .starting(17),
    ]
)
async def follow(order_id: str) -> None: ...


tasks.trigger(maybe, on_event(shipped, {"n": gt(1)}).with_args_static({"order_id": "1"}))
