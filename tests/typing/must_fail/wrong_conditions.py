"""Conditions, filters and providers of the wrong type."""

from typing import Any

import msgspec

from ensue import (
    Event,
    EventContext,
    ExceptionContext,
    ResultContext,
    StatusContext,
    Tasks,
    gt,
    on_any_result,
    on_cron,
    on_event,
    on_exception,
    on_poll,
    on_result,
    on_status,
    on_success,
)


class Paid(msgspec.Struct, frozen=True):
    order_id: str


class Receipt(msgspec.Struct, frozen=True):
    total: float


tasks = Tasks("shop")
paid = Event("order.paid", Paid)
refunded = Event("order.refunded", Receipt)


@tasks.task
async def charge(order_id: str) -> Receipt:
    return Receipt(1)


@tasks.task
async def name_of(order_id: str) -> str:
    return order_id


def on_paid(payload: Paid) -> bool:
    return True


def on_receipt(result: Receipt) -> bool:
    return True


def says_text(payload: Paid) -> str:
    return ""


def from_paid(ctx: EventContext[Paid]) -> dict[str, Any]:
    return {}


def from_receipt(ctx: ResultContext[Receipt]) -> dict[str, Any]:
    return {}


def from_failure(ctx: ExceptionContext) -> dict[str, Any]:
    return {}


def from_status(ctx: StatusContext) -> dict[str, Any]:
    return {}


def makes_list(ctx: StatusContext) -> list[str]:
    return []


a = on_event(paid)
b = on_success(charge)

# Arguments come last.
a & b.with_args_from_result(from_receipt)  # E: mypy,pyright
a.with_args_from_event("order_id") & b  # E: mypy,pyright
a | b.named("x")  # E: mypy,pyright
(a & b).with_args_static({}) & b  # E: mypy,pyright
a & charge  # E: mypy,pyright
(a & b).with_args_static({}).within("5m")  # E: mypy,pyright
a.within("5m")  # E: mypy,pyright


def says_nothing() -> str:
    return ""


# Filters fit what they filter.
on_event(refunded, on_paid)  # E: mypy,pyright
on_event(paid, says_text)  # E: mypy,pyright
on_result(name_of, on_receipt)  # E: mypy,pyright
on_result(name_of, 3)  # E: mypy,pyright
on_result(name_of, None)  # E: mypy,pyright
on_result(name_of)  # E: mypy,pyright
on_status(charge, call_arguments=gt(3))  # E: mypy,pyright

# Words.
on_status(charge, "SUCESS")  # E: mypy,pyright
on_status(charge, ["SUCCESS", "DONE"])  # E: mypy,pyright
on_cron("0 3 * * *", catchup="some")  # E: mypy,pyright
on_cron("0 3 * * *").starting("later")  # E: mypy,pyright
on_poll(on_paid)  # E: mypy,pyright
on_poll(says_nothing)  # E: mypy,pyright
on_poll(lambda: True, every=None)  # E: mypy,pyright
on_exception(charge, int)  # E: mypy,pyright
on_status(on_paid)  # E: mypy,pyright
on_event(charge)  # E: mypy,pyright

# Providers fit what they are asked about.
on_event(refunded).with_args_from_event(from_paid)  # E: mypy,pyright
on_event(paid).with_args_from_result(from_receipt)  # E: mypy,pyright
on_success(name_of).with_args_from_result(from_receipt)  # E: mypy,pyright
on_any_result(name_of).with_args_from_result(from_receipt)  # E: mypy,pyright
on_exception(charge).with_args_from_result(from_receipt)  # E: mypy,pyright
on_success(charge).with_args_from_exception(from_failure)  # E: mypy,pyright
on_cron("0 3 * * *").with_args_from_status(from_status)  # E: mypy,pyright
on_cron("0 3 * * *").with_args_from_event("order_id")  # E: mypy,pyright
on_status(charge).with_args_from_status(makes_list)  # E: mypy,pyright
on_status(charge).with_args_from_result("total")  # E: mypy,pyright
on_status(charge).with_args_static(["x"])  # E: mypy,pyright
