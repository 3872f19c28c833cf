"""A small program whose queries are known: an order is shipped, closed by a join, told of, and that fails."""

from __future__ import annotations

from ensue import Tasks, current, on_cron, on_event, on_exception, on_success

tasks = Tasks()


@tasks.task(triggers=on_event("order.paid").with_args_from_event("order"))
async def ship(order: int) -> str:
    current().emit("order.shipped", {"order": order})
    return f"shipped {order}"


@tasks.task(
    triggers=(on_event("order.paid").by("order") & on_event("order.shipped").by("order")).with_args_from_event("order")
)
async def close(order: int) -> int:
    return order


@tasks.task(triggers=on_success(ship).with_args_static({"channel": "mail"}))
async def notify(channel: str) -> None:
    raise ValueError(f"no {channel} today")


@tasks.task(triggers=on_exception(notify))
async def compensate() -> None: ...


@tasks.task(triggers=on_cron("0 3 * * *"))
async def tidy() -> None: ...


@tasks.task(max_retries=2)
async def flaky() -> int:
    if current().attempt < 3:
        raise RuntimeError(f"try {current().attempt}")
    return current().attempt
