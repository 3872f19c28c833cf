"""Stateful models: log, attempts and joins against plain lists and dicts, in whatever order hypothesis likes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ensue.testing.clock import ManualClock
from ensue_adapters.memory import MemoryStore, MemoryWorld
from ensue_core.declarations import Branch, Key, OnEvent, TriggerSpec
from ensue_core.defaults import SECOND
from ensue_core.facts import AttemptEnded, EndStatus, EventEmitted, InvocationCreated
from ensue_core.ids import Id, derive_from, derive_keyed, new_id
from ensue_core.ports import Claimed, End
from ensue_core.records import Draft, draft
from ensue_projections.occurrences import Occurrence
from ensue_projections.pairing import pair
from ensue_projections.waiting import Waiting

T = TypeVar("T")
RUNS = settings(max_examples=60, stateful_step_count=40, deadline=None)


class StoreMachine(RuleBasedStateMachine):
    """A store on a clock in the machine's hands, driven one call at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = ManualClock()
        self.store = MemoryStore(MemoryWorld(), "model", self.clock)
        self.do(self.store.open())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one call to its end."""
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        """Close the store and the loop."""
        self.do(self.store.close())
        self.loop.close()


class LogMachine(StoreMachine):
    """Appending, with keys and clocks that step, against a list."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Id] = []
        self.payloads: dict[Id, bytes] = {}

    @rule(numbers=st.lists(st.integers(0, 3), min_size=1, max_size=4), keyed=st.booleans())
    def append(self, numbers: list[int], keyed: bool) -> None:
        """Append a batch; an id that stands already is a duplicate, with another payload a conflict."""
        drafts: list[Draft] = []
        for number in numbers:
            id = derive_keyed("model", str(number % 2)) if keyed else new_id()
            fact = EventEmitted("e", msgspec.Raw(str(number).encode()))
            drafts.append(draft(id, fact, repeatable=keyed))
        expected: list[tuple[int, bool, bool]] = []
        for each, number in zip(drafts, numbers, strict=True):
            raw = str(number).encode()
            known = each.id in self.payloads
            if not known:
                self.entries.append(each.id)
                self.payloads[each.id] = raw
            position = self.entries.index(each.id) + 1
            expected.append((position, known, known and self.payloads[each.id] != raw))
        appended = self.do(self.store.log.append(drafts))
        assert [(each.position, each.duplicate, each.conflict) for each in appended] == expected

    @rule(seconds=st.integers(-3_600, 3_600))
    def step_the_clock(self, seconds: int) -> None:
        """Let the wall clock jump."""
        self.clock.step(seconds)

    @invariant()
    def the_log_is_dense_in_order_and_its_time_never_steps_back(self) -> None:
        """Read everything again."""
        records = self.do(self.store.log.read(0, 1_000))
        assert [record.id for record in records] == self.entries
        assert [record.position for record in records] == list(range(1, len(records) + 1))
        times = [record.time for record in records]
        assert times == sorted(times)


class AttemptMachine(StoreMachine):
    """Claims, ends, leases and cancellations, against a dict of attempts."""

    def __init__(self) -> None:
        super().__init__()
        self.current: dict[Id, int] = {}
        self.running: dict[Id, bool] = {}
        self.ended: dict[Id, str] = {}
        self.held: list[tuple[Claimed, int]] = []

    @initialize()
    def one_to_begin_with(self) -> None:
        """Have something to claim."""
        self.submit()

    @rule()
    def submit(self) -> None:
        """Create an invocation."""
        id = new_id()
        self.do(self.store.log.append([draft(id, InvocationCreated("t", msgspec.Raw(b"{}")))]))
        self.current[id], self.running[id] = 1, False

    @rule(limit=st.integers(1, 3), seconds=st.integers(1, 20))
    def claim(self, limit: int, seconds: int) -> None:
        """Start what is due, oldest first."""
        open_ = [id for id, runs in self.running.items() if not runs]
        claimed = self.do(self.store.work.claim("w", ["t"], limit, seconds))
        assert len(claimed) == min(limit, len(open_))
        until = self.clock.now() + seconds * SECOND
        for each in claimed:
            assert each.row.invocation in open_
            assert each.row.attempt == self.current[each.row.invocation]
            self.running[each.row.invocation] = True
            self.held.append((each, until))

    @rule(
        data=st.data(), status=st.sampled_from(["SUCCESS", "FAILED", "RETRY", "RELEASED", "LOST"]), reap=st.booleans()
    )
    def end(self, data: st.DataObject, status: EndStatus, reap: bool) -> None:
        """End any attempt that was ever claimed, in time or far too late."""
        if not self.held:
            return
        claimed, _ = data.draw(st.sampled_from(self.held))
        row = claimed.row
        id, attempt = row.invocation, row.attempt
        fact = AttemptEnded(id, attempt, "t", row.created, status, msgspec.Raw(b"1" if status == "SUCCESS" else b""))
        said = draft(derive_from(id, "end", attempt, status, str(new_id())), fact)
        expected = self.current.get(id) == attempt and self.running.get(id, False)
        if reap:
            leases = [each[1] for each in self.held if each[0].row == row]
            expected = expected and max(leases) < self.clock.now()
        assert self.do(self.store.work.finish([End(id, attempt, said, if_expired=reap)])) == [expected]
        if not expected:
            return
        if fact.final:
            self.ended[id] = status
            del self.current[id], self.running[id]
        else:
            self.current[id], self.running[id] = attempt + 1, False

    @rule(seconds=st.integers(1, 30))
    def wait(self, seconds: int) -> None:
        """Let leases run out."""
        self.clock.advance(seconds)

    @invariant()
    def the_view_holds_what_is_unfinished_and_a_rebuild_gives_the_same(self) -> None:
        """Compare the work view with the model, and with itself folded again."""
        assert self.do(self.store.work.queued()) == len(self.current)
        for id, attempt in self.current.items():
            row = self.do(self.store.work.get(id))
            assert row is not None
            assert (row.attempt, row.started) == (attempt, self.running[id])
        before = self.do(self.store.dump_decisions())
        self.do(self.store.rebuild_decisions())
        assert self.do(self.store.dump_decisions()) == before

    @invariant()
    def each_attempt_ends_at_most_once_in_the_log(self) -> None:
        """Count the ends."""
        ends = [each.fact for each in self.do(self.store.log.read(0, 5_000)) if isinstance(each.fact, AttemptEnded)]
        fences = [(end.invocation, end.attempt) for end in ends]
        assert len(fences) == len(set(fences))
        assert {end.invocation: end.status for end in ends if end.final} == self.ended


WITHIN = 10 * SECOND
CONDITIONS = {name: OnEvent(name, key=Key("path", "k")) for name in ("a", "b", "c")}
SPEC = TriggerSpec(
    "t/0", "t", dict(CONDITIONS), (Branch(("a", "b"), WITHIN), Branch(("a", "c"), WITHIN), Branch(("c",), WITHIN))
)


class JoinMachine(RuleBasedStateMachine):
    """(a & b) | (a & c) | c, by key and within ten seconds, against lists that are searched from the front."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = Waiting()
        self.lists: list[tuple[str, str, int, str]] = []  # condition, key, time, record
        self.time, self.position = 1_000 * SECOND, 0

    @rule(
        names=st.sets(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2),
        key=st.sampled_from(["x", "y"]),
        passed=st.integers(0, 11),
    )
    def happens(self, names: set[str], key: str, passed: int) -> None:
        """One occurrence satisfies one or two conditions under a key, some seconds later."""
        self.time += passed * SECOND
        self.position += 1
        late = {row.match for row in self.waiting.expire(self.time)}
        kept = [entry for entry in self.lists if entry[2] + WITHIN >= self.time]
        assert len(late) == len(self.lists) - len(kept)
        self.lists = kept
        record = new_id()
        occurrence = Occurrence("event", self.position, 0, record, self.time, record, record)
        keys = {name: key for name in SPEC.conditions if name in names}
        paired = pair("model", "main", SPEC, occurrence, keys, self.waiting)
        expected = self._model(names, key, record)
        if expected is None:
            assert paired.fired is None
        else:
            assert paired.fired is not None
            found = [(each.condition, each.source) for each in paired.fired.participants]
            assert (paired.fired.branch, found) == expected
            self.waiting.drop(each.match for each in paired.fired.participants)
        took_part: list[tuple[str, str]] = expected[1] if expected else []
        used = {name for name, source in took_part if source == record}
        waits = [row.condition for row in paired.waits]
        assert waits == [name for name in SPEC.conditions if name in names - used]
        for row in paired.waits:
            self.waiting.add(row)
            self.lists.append((row.condition, key, self.time, record))

    def _model(self, names: set[str], key: str, record: Id) -> tuple[int, list[tuple[str, str]]] | None:
        """Search the lists: the first branch that this occurrence completes, oldest with oldest."""
        for number, branch in enumerate(SPEC.branches):
            if len(branch.conditions) == 1:
                if branch.conditions[0] in names:
                    return number, [(branch.conditions[0], record)]
                continue
            found: list[tuple[str, str]] = []
            taken: list[tuple[str, str, int, str]] = []
            for name in branch.conditions:
                old = next((entry for entry in self.lists if entry[:2] == (name, key)), None)
                if old is not None:
                    found.append((name, old[3]))
                    taken.append(old)
                elif name in names:
                    found.append((name, record))
            if len(found) == len(branch.conditions) and any(source == record for _, source in found):
                self.lists = [entry for entry in self.lists if entry not in taken]
                return number, found
        return None

    @invariant()
    def both_hold_the_same(self) -> None:
        """Compare what waits."""
        assert [(row.condition, row.key, row.source) for row in self.waiting.rows()] == sorted(
            ((name, key, record) for name, key, _, record in self.lists),
            key=lambda each: (self._place(each[2]), each[0]),
        )

    def _place(self, record: str) -> int:
        return next(row.position for row in self.waiting.rows() if row.source == record)


TestLog = LogMachine.TestCase
TestLog.settings = RUNS
TestAttempts = AttemptMachine.TestCase
TestAttempts.settings = RUNS
TestJoins = JoinMachine.TestCase
TestJoins.settings = RUNS
