"""Events a body emits: with its success or not at all, under ids that no retry changes."""

from dataclasses import dataclass

import pytest

from ensue.current import Current, current, derive_emit_id, derive_submit_id
from ensue_core.errors import AttemptOver, BadValue, DeclarationError
from ensue_core.facts import AttemptEnded, EventEmitted
from ensue_core.ids import derive_from
from tests.worker.bench import Bench, Program
from tests.worker.virtual import virtual


@dataclass(frozen=True)
class Order:
    order: str


class Event:
    def __init__(self, code: str, payload: type) -> None:
        self.code = code
        self.payload = payload


@virtual
async def test_buffered_events_come_with_the_success_and_say_where_from() -> None:
    program = Program()
    ids: list[str] = []

    async def pays(order: str) -> None:
        ids.append(current().emit(Event("order.paid", Order), Order(order)))
        ids.append(current().emit("mail.wanted", {"order": order}))
        assert bench.facts(EventEmitted) == []

    program.task(pays)
    bench = Bench(program)
    async with bench.running():
        invocation = await bench.submit("pays", order="o1")
        await bench.ended()
    (end,) = bench.records(AttemptEnded)
    events = bench.records(EventEmitted)
    assert [event.position for event in events] == [end.position + 1, end.position + 2]
    assert [event.id for event in events] == ids
    assert [event.cause for event in events] == [invocation, invocation]
    assert [event.root for event in events] == [invocation, invocation]
    fact = events[0].fact
    assert isinstance(fact, EventEmitted)
    assert (fact.code, bytes(fact.payload)) == ("order.paid", b'{"order":"o1"}')
    assert (fact.emitter, fact.emitter_task) == (invocation, "pays")


@virtual
async def test_an_unsuccessful_attempt_emits_nothing_and_the_next_one_emits_under_the_same_ids() -> None:
    program = Program()
    ids: list[list[str]] = []

    async def flaky() -> None:
        ids.append([current().emit("a", {"n": 1}), current().emit("a", {"n": 1}), current().emit("a", {"n": 2})])
        if len(ids) < 3:
            raise ConnectionError

    program.task(flaky, max_retries=5, retry_for=(OSError,))
    bench = Bench(program)
    async with bench.running():
        invocation = await bench.submit("flaky")
        await bench.ended(3)
    assert bench.statuses() == ["RETRY", "RETRY", "SUCCESS"]
    events = bench.records(EventEmitted)
    assert [event.id for event in events] == ids[0] == ids[1] == ids[2]
    assert events[0].position > bench.records(AttemptEnded)[-1].position
    assert len(set(ids[0])) == 3
    assert ids[0][1] == derive_from(invocation, "buffered", "a", b'{"n":1}', 1)


@virtual
async def test_a_failed_invocation_has_emitted_nothing() -> None:
    program = Program()

    async def fails() -> None:
        current().emit("never", {})
        raise ValueError

    async def spoils() -> object:
        current().emit("never", {})
        return object()

    program.task(fails)
    program.task(spoils)
    bench = Bench(program)
    async with bench.running():
        await bench.submit("fails")
        await bench.submit("spoils")
        await bench.ended(2)
    assert (bench.statuses(), bench.facts(EventEmitted)) == (["FAILED", "FAILED"], [])


@virtual
async def test_what_is_emitted_at_once_and_what_is_buffered_never_share_an_id() -> None:
    program = Program()
    seen: list[list[str]] = []

    async def both() -> None:
        now = current()
        seen.append([now.emit("a", 1), derive_emit_id(now, "a", b"1"), derive_emit_id(now, "a", b"1"),
                     derive_submit_id(now, "a", b"1"), derive_submit_id(now, "a", b"1")])  # fmt: skip
        raise ConnectionError

    program.task(both, max_retries=1, retry_for=(OSError,))
    bench = Bench(program)
    async with bench.running():
        await bench.submit("both")
        await bench.ended(2)
    assert len(set(seen[0])) == 5
    assert seen[0] == seen[1]


@virtual
async def test_an_event_that_cannot_be_stored_is_refused_where_it_is_emitted() -> None:
    program = Program()
    raised: list[type[Exception]] = []

    async def careless() -> None:
        for event, payload in (
            ("a", float("nan")),
            ("a", object()),
            (Event("o", Order), {"order": 1}),
            ("a.*", {}),
        ):
            with pytest.raises((BadValue, DeclarationError)) as error:
                current().emit(event, payload)
            raised.append(error.type)

    program.task(careless)
    bench = Bench(program)
    async with bench.running():
        await bench.submit("careless")
        await bench.ended()
    assert raised == [BadValue, BadValue, BadValue, DeclarationError]
    assert bench.facts(EventEmitted) == []


@virtual
async def test_an_attempt_that_is_over_emits_no_more() -> None:
    program = Program()
    kept: list[Current] = []

    async def leaks() -> None:
        kept.append(current())

    program.task(leaks)
    bench = Bench(program)
    async with bench.running():
        await bench.submit("leaks")
        await bench.ended()
    with pytest.raises(AttemptOver, match="has ended"):
        kept[0].emit("late", {})


@virtual
async def test_the_logger_names_the_attempt(caplog: pytest.LogCaptureFixture) -> None:
    program = Program()

    async def says() -> None:
        current().logger.warning("hello %s", "you")

    program.task(says)
    bench = Bench(program)
    async with bench.running():
        invocation = await bench.submit("says")
        await bench.ended()
    (record,) = [each for each in caplog.records if each.name == "ensue.task"]
    assert record.getMessage() == f"hello you [says {invocation} attempt 1]"
    assert (vars(record)["task"], vars(record)["invocation"], vars(record)["attempt"]) == (
        "says",
        invocation,
        1,
    )
