"""The states of an invocation and the moves between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """What an invocation is doing; each change is said by a fact."""

    REGISTERED = "REGISTERED"
    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self in FINAL


FINAL = frozenset({Status.SUCCESS, Status.FAILED, Status.CANCELLED})

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.REGISTERED: frozenset({Status.SCHEDULED, Status.PENDING, Status.CANCELLED, Status.FAILED}),
    Status.SCHEDULED: frozenset({Status.PENDING, Status.CANCELLED, Status.FAILED}),
    Status.PENDING: frozenset({Status.RUNNING}),
    # An attempt that was released or lost puts its invocation back to REGISTERED.
    Status.RUNNING: frozenset({Status.RETRY, Status.SUCCESS, Status.FAILED, Status.CANCELLED, Status.REGISTERED}),
    Status.RETRY: frozenset({Status.PENDING, Status.CANCELLED, Status.FAILED}),
    Status.SUCCESS: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""The written state machine: a status and what may follow it."""
