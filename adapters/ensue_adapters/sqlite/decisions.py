"""Chains of Steps: one transaction stores a Step and folds it, or finds that it is void."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from ensue_adapters.sql.gathering import Lease
from ensue_adapters.sqlite.pages import read_at
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader, snapshot
from ensue_adapters.sqlite.repeats import positions_of
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.transaction import Transaction
from ensue_adapters.sqlite.writer import Writer
from ensue_core.defaults import SECOND
from ensue_core.facts import Decided
from ensue_core.ids import NO_ID, Id
from ensue_core.ports import Chain, Committed, Decisions, Outrun, Step, Superseded
from ensue_core.records import draft
from ensue_core.rows import ChainRow, TimerRow, TriggerRow, WaitingRow

_chains = msgspec.json.Decoder(tuple[ChainRow, ...])
_triggers = msgspec.json.Decoder(tuple[TriggerRow, ...])
_timers = msgspec.json.Decoder(tuple[TimerRow, ...])
_waiting = msgspec.json.Decoder(tuple[WaitingRow, ...])


class SQLiteDecisions:
    """The namespace's chains in a SQLite file."""

    def __init__(self, writer: Writer, reader: Reader, places: Places) -> None:
        self._writer = writer
        self._reader = reader
        self._places = places

    async def load(self, service: str) -> Chain:
        """Return the chain as of one moment."""
        namespace = self._places.namespace
        return await self._reader.run(snapshot(lambda connection: read_chain(connection, namespace, service)))

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
        drafts = (*step.facts, decided)

        def write(tx: Transaction) -> Committed | Superseded | Outrun:
            if step_of(tx, step.service) != step.after:
                return Superseded()
            if _outrun(tx, step):
                return Outrun()
            lease = Lease(step.worker, tx.clock.now() + round(step.lease_seconds * SECOND))
            return Committed(tuple(tx.append(drafts, floor=step.clock, lease=lease)))

        return await self._writer.run(write)

    async def find_step(self, service: str, step: Id) -> Committed | None:
        """Return a Step's records where it is in the chain: all that is stored is effective."""

        def read(connection: sqlite3.Connection) -> Committed | None:
            for position in positions_of(connection, self._places, [step]).values():
                decided = read_at(connection, self._places, [position])[position]
                if isinstance(decided.fact, Decided) and decided.fact.service == service:
                    first = position - decided.fact.facts
                    facts = read_at(connection, self._places, range(first, position))
                    return Committed((*[facts[each] for each in range(first, position)], decided))
            return None

        return await self._reader.run(read)

    async def chains(self) -> Sequence[ChainRow]:
        """Return the row of each service's chain."""
        namespace = self._places.namespace
        return await self._reader.run(lambda connection: _rows(connection, "chain/rows", _chains, namespace, None))


_: type[Decisions] = SQLiteDecisions


def read_chain(connection: sqlite3.Connection, namespace: int, service: str) -> Chain:
    """Read a chain's four views; the caller holds them to one moment."""
    chains = _rows(connection, "chain/rows", _chains, namespace, service)
    return Chain(
        row=chains[0] if chains else ChainRow(service),
        triggers=_rows(connection, "chain/triggers", _triggers, namespace, service),
        timers=_rows(connection, "chain/timers", _timers, namespace, service),
        waiting=_rows(connection, "chain/waiting", _waiting, namespace, service),
    )


def dump_chains(connection: sqlite3.Connection, namespace: int) -> dict[str, tuple[msgspec.Struct, ...]]:
    """Return the rows of every service's views, sorted."""
    return {
        "chains": _rows(connection, "chain/rows", _chains, namespace, None),
        "triggers": _rows(connection, "chain/triggers", _triggers, namespace, None),
        "timers": _rows(connection, "chain/timers", _timers, namespace, None),
        "waiting": _rows(connection, "chain/waiting", _waiting, namespace, None),
    }


def _rows(
    connection: sqlite3.Connection, name: str, decoder: Any, namespace: int, service: str | None
) -> tuple[Any, ...]:
    (rows,) = connection.execute(sql(name), (namespace, service)).fetchone()
    found: tuple[Any, ...] = () if rows is None else decoder.decode(rows)
    return found


def step_of(tx: Transaction, service: str) -> Id:
    """Return the last effective Step of a chain."""
    row = tx.connection.execute(sql("chain/step_of"), (tx.namespace, service)).fetchone()
    return NO_ID if row is None else Id(row[0])


def _outrun(tx: Transaction, step: Step) -> bool:
    """Whether a record past `through` is older than the clock: times never decrease, the first one tells."""
    after = tx.places.of(step.through.position + 1)
    row = tx.connection.execute(sql("log/time_at"), (after,)).fetchone()
    return row is not None and int(row[0]) < step.clock
