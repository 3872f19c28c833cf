"""From polls' answers to the facts of a Step: which still count, which are suppressed, which could not be had."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ensue.queries.fresh import fold_up
from ensue.scheduler.polls import Key, Polled
from ensue.scheduler.state import ChainState
from ensue_core.declarations import OnPoll
from ensue_core.errors import BadValue
from ensue_core.facts import ConditionFailed, Fact, PollAnswered
from ensue_core.ids import Id, derive, digest
from ensue_core.ports import RunQuery, Store
from ensue_core.records import Draft, draft
from ensue_core.rows import TimerRow
from ensue_core.values import canonical, decode, encode
from ensue_projections.chain import flying_of

FLYING_MAX = 1_000
"""How many unfinished answers of one poll are remembered; past that the oldest may come again."""


class Answers:
    """Makes facts of answers. Remembers which invocation an answer has begun, so that it is looked up once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begun: dict[Id, Id] = {}

    async def facts(self, state: ChainState, polled: Sequence[Polled]) -> list[Draft]:
        """Return the facts of a Step, in the order in which the answers came."""
        facts: list[Draft] = []
        taken: set[Key] = set()
        for each in polled:
            row = state.polls.get(each.key)
            if row is None or each.slot < row.due or each.key in taken or not self._counts(state, each):
                continue  # another process was asked, or nobody needs to be
            made = await self._answer(state, row, each) if each.fire is not None else self._failure(state, each)
            if made is None:
                continue
            if isinstance(made.fact, PollAnswered):
                taken.add(each.key)
            facts.append(made)
        return facts

    def _counts(self, state: ChainState, polled: Polled) -> bool:
        trigger = state.triggers.get(polled.key[0])
        return trigger is not None and trigger.state == "active"

    async def _answer(self, state: ChainState, row: TimerRow, polled: Polled) -> Draft | None:
        """Return the fact of an answer that fires; None where it is suppressed."""
        trigger, condition = polled.key
        poll = state.triggers[trigger].spec.conditions[condition]
        assert isinstance(poll, OnPoll)
        assert polled.fire is not None
        try:
            payload = encode(polled.fire.payload, f"payload of poll {trigger}")
        except BadValue as error:
            return self._failure(state, msgspec.structs.replace(polled, reason="not an answer", error=str(error)))
        same = digest("poll", canonical(decode(payload)))
        flying: tuple[tuple[str, Id], ...] = ()
        if not poll.allow_concurrent:
            left = [each for each in flying_of(row.note) if await self._flies(state, trigger, each[1])]
            if any(each[0] == same for each in left):
                return None
            flying = tuple(left[-FLYING_MAX:])
        fact = PollAnswered(
            state.row.service, trigger, condition, polled.slot, polled.slot + poll.every, msgspec.Raw(payload),
            "" if poll.allow_concurrent else same, flying,
        )  # fmt: skip
        return self._draft(polled, "poll", fact)

    def _failure(self, state: ChainState, polled: Polled) -> Draft:
        trigger, condition = polled.key
        more = f" (time {polled.row} in a row)" if polled.row > 1 else ""
        fact = ConditionFailed(state.row.service, trigger, condition, 0, 0, polled.reason, polled.error + more)
        return self._draft(polled, "poll failed", fact)

    def _draft(self, polled: Polled, word: str, fact: Fact) -> Draft:
        return draft(derive(polled.slot, word, self._store.namespace, *polled.key, polled.slot), fact)

    async def _flies(self, state: ChainState, trigger: str, answer: Id) -> bool:
        """Whether what an answer begins, or began, is unfinished."""
        invocation = self._begun.get(answer)
        if invocation is None:
            row = state.triggers[trigger]
            record = await self._store.log.find(answer)
            if record is None:
                return False
            if record.position > (row.own or state.row.through).position or state.waiting.waits_for(trigger, answer):
                return True
            await fold_up(self._store)
            runs = await self._store.views.runs(RunQuery(source=answer))
            begun = [run.invocation for run in runs if run.trigger == trigger and run.invocation is not None]
            if not begun:
                return False  # nothing came of it
            invocation = self._begun[answer] = begun[0]
        if await self._store.work.get(invocation) is not None:
            return True
        del self._begun[answer]
        return False
