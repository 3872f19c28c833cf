"""How an attempt ends: the pure decision, from what its body did to the fact that says so."""

from __future__ import annotations

from typing import assert_never

import msgspec
from msgspec.structs import replace

from ensue.worker.needs import Options
from ensue_core.defaults import SECOND
from ensue_core.facts import AttemptEnded, Failure
from ensue_core.ids import Id, derive_from, digest
from ensue_core.ports import End
from ensue_core.records import Draft, draft
from ensue_core.rows import WorkRow

QUARANTINED = "ensue.Quarantined"
"""The failure type of an invocation whose attempts keep dying with their process."""


class Returned(msgspec.Struct, frozen=True, gc=False):
    """The body returned; its result as it will be stored."""

    result: bytes


class Raised(msgspec.Struct, frozen=True, gc=False):
    """The body raised, or something about it makes no sense. `retryable`: another try could do better."""

    failure: Failure
    retryable: bool = False


class Released(msgspec.Struct, frozen=True, gc=False):
    """The worker stopped before the body was done; counts as nothing."""


Outcome = Returned | Raised | Released


def end_of(row: WorkRow, outcome: Outcome, options: Options, now: int, worker: str) -> AttemptEnded:
    """Return the fact that ends a worker's own attempt at log time `now`."""
    match outcome:
        case Returned(result):
            return AttemptEnded(
                invocation=row.invocation,
                attempt=row.attempt,
                task=row.task,
                created=row.created,
                status="SUCCESS",
                result=msgspec.Raw(result),
                failures=row.failures,
                crashes=row.crashes,
                worker=worker,
                depth=row.depth,
            )
        case Raised(failure, retryable):
            failures = row.failures + 1
            again = retryable and failures <= options.max_retries
            return AttemptEnded(
                invocation=row.invocation,
                attempt=row.attempt,
                task=row.task,
                created=row.created,
                status="RETRY" if again else "FAILED",
                failure=failure,
                due=now + delay_micros(row.invocation, row.attempt, failures, options) if again else 0,
                failures=failures,
                crashes=row.crashes,
                worker=worker,
                depth=row.depth,
            )
        case Released():
            return AttemptEnded(
                invocation=row.invocation,
                attempt=row.attempt,
                task=row.task,
                created=row.created,
                status="RELEASED",
                due=now,
                failures=row.failures,
                crashes=row.crashes,
                worker=worker,
                depth=row.depth,
            )
        case _:
            assert_never(outcome)


def lost_end(row: WorkRow, crashes_max: int, now: int, worker: str) -> AttemptEnded:
    """Return the fact that ends an attempt whose lease ran out; after several the invocation fails."""
    crashes = row.crashes + 1
    quarantined = crashes >= crashes_max
    failure = Failure(
        type=QUARANTINED,
        message=f"{crashes} attempts of {row.task} died with their process: it is not tried again",
        bases=("ensue.EnsueError", "builtins.Exception", "builtins.BaseException"),
    )
    return AttemptEnded(
        invocation=row.invocation,
        attempt=row.attempt,
        task=row.task,
        created=row.created,
        status="FAILED" if quarantined else "LOST",
        failure=failure if quarantined else None,
        due=0 if quarantined else now,
        failures=row.failures,
        crashes=crashes,
        worker=worker,
        depth=row.depth,
    )


def delay_micros(invocation: Id, attempt: int, failures: int, options: Options) -> int:
    """Return how long to wait for the next try: full jitter below a bound that doubles.

    The jitter is a hash of (invocation, attempt), so every process and every replay finds the same.
    """
    bound = min(options.retry_first_seconds * 2.0 ** min(failures - 1, 60), options.retry_longest_seconds)
    share = int(digest("retry", invocation, attempt)[:13], 16) / 16**13
    return round(bound * share * SECOND)


def own_end(row: WorkRow, ended: AttemptEnded, buffered: tuple[Draft, ...] = ()) -> End:
    """Return what the worker that ran the attempt asks the store to append."""
    id = derive_from(row.invocation, "end", row.attempt, "worker", ended.worker)
    return _end(row, ended, id, buffered)


def reaped_end(row: WorkRow, ended: AttemptEnded) -> End:
    """Return what a reaper asks the store to append: one id, whichever reaper it is, never the worker's."""
    end = _end(row, ended, derive_from(row.invocation, "end", row.attempt, "reaper"), ())
    return replace(end, if_expired=True)


def _end(row: WorkRow, ended: AttemptEnded, id: Id, buffered: tuple[Draft, ...]) -> End:
    said = draft(id, ended, cause=row.invocation, root=row.root)
    return End(row.invocation, row.attempt, said, buffered)
