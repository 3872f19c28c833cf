"""Chains of Steps: a Step is one request in the spine, and counts if it follows the last one that did."""

from __future__ import annotations

from collections.abc import Sequence

from ensue_adapters.broker.outbox import Outbox
from ensue_core.errors import StoreError
from ensue_core.facts import Decided
from ensue_core.ids import Id
from ensue_core.ports import Chain, Committed, Decisions, Log, Outrun, Step, Superseded
from ensue_core.records import draft
from ensue_core.rows import ChainRow
from ensue_projections.ordering import SPINE
from ensue_projections.requests import Follow, Followed, NotFollowed


class BrokerDecisions:
    """One namespace's chains. `views` are those of the store that holds the views, `log` is its log."""

    def __init__(self, outbox: Outbox, views: Decisions, log: Log) -> None:
        self._outbox, self._views, self._log = outbox, views, log

    async def load(self, service: str) -> Chain:
        """Return the chain as of one moment."""
        return await self._views.load(service)

    async def commit(self, step: Step) -> Committed | Superseded | Outrun:
        """Send a Step, and say whether it counts. Raises `CommitUnknown`; then `find_step` tells."""
        fact = Decided(
            service=step.service,
            after=step.after,
            through=step.through,
            clock=step.clock,
            own=dict(step.own),
            facts=len(step.facts),
        )
        decided = draft(step.id, fact)
        request = Follow(
            step.service, step.after, step.through, step.clock, step.facts, decided, step.worker, step.lease_seconds
        )
        match await self._outbox.ask(SPINE, request):
            case Followed(first, last):
                records = await self._log.read_at(range(first, last + 1))
                return Committed(tuple(records[position] for position in range(first, last + 1)))
            case NotFollowed(repeats=True):
                raise StoreError("a Step repeats records that stand already: report this as a bug")
            case NotFollowed(outrun=True):
                return Outrun()
            case _:
                return Superseded()

    async def find_step(self, service: str, step: Id) -> Committed | None:
        """Return a Step's records where it is in the chain, after reading all that may have landed by now."""
        await self._outbox.touch(SPINE)
        return await self._views.find_step(service, step)

    async def chains(self) -> Sequence[ChainRow]:
        """Return the row of each service's chain."""
        return await self._views.chains()


_: type[Decisions] = BrokerDecisions
