"""Chains of Steps: one transaction stores a Step and folds it, or finds that it is void."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ensue_adapters.postgres import trips
from ensue_adapters.postgres.pages import positions_of, read_at
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.writer import Writer
from ensue_adapters.sql.gathering import Lease
from ensue_core.declarations import TriggerSpec
from ensue_core.defaults import SECOND
from ensue_core.facts import Decided, Through, TriggerState
from ensue_core.ids import NO_ID, Id
from ensue_core.ports import Chain, Committed, Decisions, Outrun, Step, Superseded
from ensue_core.records import Draft, Record, draft
from ensue_core.rows import ChainRow, TimerRow, TriggerRow, WaitingRow

_through = msgspec.json.Decoder(Through)
_tasks = msgspec.json.Decoder(tuple[str, ...])
_spec = msgspec.json.Decoder(TriggerSpec)
_STATES: Mapping[str, TriggerState] = {"active": "active", "paused": "paused", "retired": "retired"}
"""The very words of the code: facts made of a row leave a default out only where it is that object."""


class PostgresDecisions:
    """The namespace's chains in a Postgres schema."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._namespace = writer.space.number

    async def load(self, service: str) -> Chain:
        """Return the chain as of one moment."""
        return await self._writer.snapshot(lambda session: read_chain(session, self._namespace, service))

    async def commit(self, step: Step) -> Committed | Superseded | Outrun:
        """Append the Step's facts and its `Decided`, and fold them, or do nothing."""
        decided = draft(
            step.id,
            Decided(
                service=step.service,
                after=step.after,
                through=step.through,
                clock=step.clock,
                own=dict(step.own),
                facts=len(step.facts),
            ),
        )
        return await self._writer.tasks.run(self._commit(step, (*step.facts, decided)))

    async def _commit(self, step: Step, drafts: Sequence[Draft]) -> Committed | Superseded | Outrun:
        writer = self._writer
        lease = Lease(step.worker, writer.clock.now() + round(step.lease_seconds * SECOND))
        outcome = await trips.commit(writer, step, drafts, lease)
        if outcome is not None:
            return outcome

        async def job(tx: Transaction) -> Committed | Superseded | Outrun:
            void = await _enter(tx, step)
            if void is not None:
                return void
            lease = Lease(step.worker, tx.clock.now() + round(step.lease_seconds * SECOND))
            return Committed(tuple(await tx.append(drafts, floor=step.clock, lease=lease)))

        return await writer.run_here(job)

    async def find_step(self, service: str, step: Id) -> Committed | None:
        """Return a Step's records where it is in the chain: all that is stored is effective."""

        async def look(session: Session) -> Committed | None:
            for position in (await positions_of(session, self._namespace, [step])).values():
                decided = (await read_at(session, self._namespace, [position]))[position]
                if isinstance(decided.fact, Decided) and decided.fact.service == service:
                    first = position - decided.fact.facts
                    facts = await read_at(session, self._namespace, range(first, position))
                    return Committed((*_in_order(facts, first, position), decided))
            return None

        return await self._writer.read(look)

    async def chains(self) -> Sequence[ChainRow]:
        """Return the row of each service's chain."""
        return await self._writer.read(lambda session: _chain_rows(session, self._namespace, None))


_: type[Decisions] = PostgresDecisions


async def _enter(tx: Transaction, step: Step) -> Superseded | Outrun | None:
    """Compare the chain's last Step, enter the log and look for older records; None where the Step fits."""
    position = step.through.position
    row = await tx.session.row(
        "chain/enter_step",
        namespace=tx.namespace,
        service=step.service,
        follows=step.after or None,
        read=position,
        clock=step.clock,
    )
    assert row is not None
    verdict, head, moment, waiting = row
    if verdict == "superseded":
        return Superseded()
    await tx.entered(head, moment, waiting)
    if verdict is None:
        older = await tx.session.row("log/time_at", namespace=tx.namespace, position=position + 1)
        return Outrun() if older is not None and older[0] < step.clock else None
    return Outrun() if verdict == "outrun" else None


async def read_chain(session: Session, namespace: int, service: str) -> Chain:
    """Read a chain's four views; the caller holds them to one moment."""
    chains = await _chain_rows(session, namespace, service)
    return Chain(
        row=chains[0] if chains else ChainRow(service),
        triggers=await _triggers(session, namespace, service),
        timers=await _timers(session, namespace, service),
        waiting=await _waiting(session, namespace, service),
    )


async def dump_chains(session: Session, namespace: int) -> dict[str, tuple[msgspec.Struct, ...]]:
    """Return the rows of every service's views, sorted."""
    return {
        "chains": await _chain_rows(session, namespace, None),
        "triggers": await _triggers(session, namespace, None),
        "timers": await _timers(session, namespace, None),
        "waiting": await _waiting(session, namespace, None),
    }


async def _chain_rows(session: Session, namespace: int, service: str | None) -> tuple[ChainRow, ...]:
    return tuple(
        ChainRow(name, step or NO_ID, _through.decode(through), clock, version, _tasks.decode(tasks), paused)
        for name, step, through, clock, version, tasks, paused in await _rows(session, "chain/rows", namespace, service)
    )


async def _triggers(session: Session, namespace: int, service: str | None) -> tuple[TriggerRow, ...]:
    return tuple(
        TriggerRow(
            name,
            trigger,
            version,
            _spec.decode(spec),
            _STATES[state],
            begins,
            None if own is None else _through.decode(own),
            reason,
        )
        for name, trigger, version, spec, state, begins, own, reason in await _rows(
            session, "chain/triggers", namespace, service
        )
    )


async def _timers(session: Session, namespace: int, service: str | None) -> tuple[TimerRow, ...]:
    return tuple(TimerRow(*row) for row in await _rows(session, "chain/timers", namespace, service))


async def _waiting(session: Session, namespace: int, service: str | None) -> tuple[WaitingRow, ...]:
    return tuple(WaitingRow(*row) for row in await _rows(session, "chain/waiting", namespace, service))


async def _rows(session: Session, name: str, namespace: int, service: str | None) -> list[Any]:
    return await session.rows(name, namespace=namespace, service=service)


def _in_order(facts: dict[int, Record], first: int, past: int) -> list[Record]:
    return [facts[each] for each in range(first, past)]
