"""Topics as users declare them."""

from dataclasses import dataclass

from ensue import Engine, Event, EventContext, on_event


@dataclass
class OrderPaid:
    order: str


order_paid = Event("order.paid", OrderPaid)
engine = Engine("sqlite:///shop.db")
engine.ingest("kafka://broker:9092/orders", event=order_paid)
engine.ingest("kafka://broker:9092/mixed?name=a", event=[order_paid, Event("order.sent"), "order.lost"])
engine.ingest("kafka://broker:9092/mixed?name=b", event={"com.shop.order.paid": order_paid, "com.shop.lost": "lost"})
engine.ingest("kafka://broker:9092/plain", format="json", code="field:kind", start="latest", name="c")


def whose(context: EventContext[OrderPaid]) -> dict[str, str | None]:
    return {"key": None if context.origin is None else context.origin.key}


@engine.task(triggers=on_event(order_paid).with_args_from_event(whose))
async def tell(key: str | None) -> None: ...
