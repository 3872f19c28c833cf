"""The invocations view: each invocation as it stands, and each of its attempts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    Failure,
    InvocationCancelled,
    InvocationCreated,
    TriggerFired,
)
from ensue_core.ids import Id
from ensue_core.ports import RowKey
from ensue_core.records import Record
from ensue_core.rows import AttemptRow, InvocationRow

Life = AttemptStarted | AttemptEnded | InvocationCancelled
"""What happens to an invocation after it was created."""

_STATUS_AFTER = {
    "SUCCESS": "SUCCESS",
    "FAILED": "FAILED",
    "RETRY": "RETRY",
    "RELEASED": "REGISTERED",
    "LOST": "REGISTERED",
}


class InvocationFold:
    """Folds one page; `rows` and `attempts` are those of earlier pages that it touches.

    It gathers what the page says of each invocation and builds each row once.
    """

    def __init__(self, rows: Mapping[RowKey, InvocationRow], attempts: Mapping[RowKey, AttemptRow]) -> None:
        self._rows = rows
        self._attempts = attempts
        self._created: dict[Id, InvocationRow] = {}
        self._lives: dict[Id, list[tuple[Record, Life]]] = {}
        self._started: dict[RowKey, AttemptRow] = {}
        self._ended: dict[RowKey, tuple[Record, AttemptEnded]] = {}

    def fired(self, record: Record, fact: TriggerFired) -> None:
        """Begin an invocation that a trigger fired."""
        self._created[fact.invocation] = InvocationRow(
            fact.invocation,
            fact.task,
            "SCHEDULED" if fact.due > record.time else "REGISTERED",
            record.position,
            record.time,
            fact.run or record.id,
            fact.trigger,
            None,
            0,
            fact.due,
            cause=record.cause,
            root=record.root,
        )

    def created(self, record: Record, fact: InvocationCreated) -> None:
        """Begin an invocation that somebody submitted."""
        self._created[record.id] = InvocationRow(
            record.id,
            fact.task,
            "SCHEDULED" if fact.due > record.time else "REGISTERED",
            record.position,
            record.time,
            None,
            None,
            fact.emitter,
            0,
            fact.due,
            cause=record.cause,
            root=record.root,
        )

    def started(self, record: Record, fact: AttemptStarted) -> None:
        """Note an attempt's start."""
        self._lives.setdefault(fact.invocation, []).append((record, fact))
        key = fact.invocation, fact.attempt
        self._started[key] = AttemptRow(fact.invocation, fact.attempt, record.time, fact.worker)

    def ended(self, record: Record, fact: AttemptEnded) -> None:
        """Note an attempt's end."""
        self._lives.setdefault(fact.invocation, []).append((record, fact))
        self._ended[fact.invocation, fact.attempt] = record, fact

    def cancelled(self, record: Record, fact: InvocationCancelled) -> None:
        """Note a cancellation."""
        self._lives.setdefault(fact.invocation, []).append((record, fact))

    def result(self) -> dict[RowKey, InvocationRow]:
        """Return the invocations that are new or changed."""
        changed: dict[RowKey, InvocationRow] = {}
        lives = self._lives
        for id, row in self._created.items():
            changed[(id,)] = _lived(row, lives[id]) if id in lives else row
        for id, life in lives.items():
            row_before = self._rows.get((id,))
            if row_before is not None and id not in self._created:
                changed[(id,)] = _lived(row_before, life)
        return changed

    def attempts(self) -> dict[RowKey, AttemptRow]:
        """Return the attempts that are new or changed; a cancellation ends the one it cuts short."""
        changed = dict(self._started)
        for key, (record, fact) in self._ended.items():
            row = changed.get(key) or self._attempts.get(key)
            if row is not None:
                error = fact.failure.type if fact.failure else None
                changed[key] = AttemptRow(
                    row.invocation,
                    row.attempt,
                    row.started,
                    row.worker,
                    record.time,
                    fact.status,
                    record.position,
                    error,
                )
        last = {id: life[-1] for id, life in self._lives.items()}
        cut = {id: record for id, (record, fact) in last.items() if isinstance(fact, InvocationCancelled)}
        if cut:
            for key, row in {**self._attempts, **changed}.items():
                if row.invocation in cut and not row.ended:
                    end = cut[row.invocation]
                    changed[key] = replace(row, status="CANCELLED", ended=end.time, position=end.position)
        return changed


def _lived(row: InvocationRow, life: Iterable[tuple[Record, Life]]) -> InvocationRow:
    """Return a row after what happened to its invocation, in order."""
    status, attempts, due, started = row.status, row.attempts, row.due, row.started
    ended, ended_at, failure_type, failure_message = (
        row.ended,
        row.ended_at,
        row.error_type,
        row.error_message,
    )
    for record, fact in life:
        match fact:
            case AttemptStarted():
                status, attempts = "RUNNING", fact.attempt
                started = started or record.time
            case AttemptEnded():
                status = _STATUS_AFTER[fact.status]
                failure: Failure | None = fact.failure
                if failure is not None:
                    failure_type, failure_message = failure.type, failure.message
                if fact.final:
                    ended, ended_at = record.time, record.position
                    if failure is None:
                        failure_type = failure_message = None
                else:
                    due = fact.due
            case InvocationCancelled():
                status, ended, ended_at = "CANCELLED", record.time, record.position
    return InvocationRow(
        row.id,
        row.task,
        status,
        row.created,
        row.registered,
        row.run,
        row.trigger,
        row.emitter,
        attempts,
        due,
        started,
        ended,
        ended_at,
        failure_type,
        failure_message,
        row.cause,
        row.root,
    )
