"""What a page of records needs of the query views before it can be folded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ensue_core.facts import Fact, Participant
from ensue_core.ports import RowKey, RowTable
from ensue_core.records import Record

Handle = Callable[[Record, Any], None]
"""Folds a record whose fact is of one class; the fact comes along so that nobody looks it up twice."""


class Touched:
    """Keys of rows that a page may change, and that it does not make itself.

    `families` holds beginnings of keys: every row whose key begins so is needed (`Views.attempts` and
    `Views.schedules` give them). They are rare: cancellations and declarations.
    """

    def __init__(self) -> None:
        self.keys: dict[RowTable, set[RowKey]] = {}
        self.families: dict[RowTable, set[RowKey]] = {}

    def add(self, table: RowTable, keys: Iterable[RowKey], made: set[RowKey] | None = None) -> None:
        """Note keys that the page does not make; tables without any are left out."""
        needed = set(keys) - made if made else set(keys)
        if needed:
            self.keys.setdefault(table, set()).update(needed)

    def add_family(self, table: RowTable, beginnings: Iterable[RowKey]) -> None:
        """Note beginnings of keys."""
        needed = set(beginnings)
        if needed:
            self.families.setdefault(table, set()).update(needed)


def dispatch(page: Iterable[Record], handlers: Mapping[type[Fact], tuple[Handle, ...]]) -> None:
    """Show each record to those that handle its class of fact, in the order of the log."""
    nobody: tuple[Handle, ...] = ()
    find = handlers.get
    for record in page:
        fact = record.fact
        for handle in find(type(fact), nobody):
            handle(record, fact)


def never_waited(participants: tuple[Participant, ...]) -> tuple[Participant, ...]:
    """Return the participants that completed the run: those of its last occurrence.

    The others waited, and were counted when they began to. A cron slot stands at no position: it comes after
    the records of its own moment.
    """
    if len(participants) < 2:
        return participants
    last = max(map(_moment, participants))
    return tuple(each for each in participants if _moment(each) == last)


def _moment(participant: Participant) -> tuple[int, bool, int, int]:
    return participant.occurred, participant.kind == "cron", participant.position, participant.index
