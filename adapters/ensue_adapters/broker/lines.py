"""Which line a request goes to: all that is said of one id or one invocation goes to one line, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from ensue_core.ids import Id
from ensue_projections.ordering import Line

EVENTS = "events"
ATTEMPTS = "attempts"
STEPS = "steps"
ROLES = (EVENTS, ATTEMPTS, STEPS)


class Lines:
    """The lines of a namespace, by role. Our own hash, so that no client's version can move an id to another line."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._counts = {role: sum(each[0] == role for each in lines) for role in ROLES}

    def of(self, role: str, name: Id | str) -> Line:
        """Return the line of a role in which all that is said of a name stands."""
        count = self._counts[role]
        number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) % count if count > 1 else 0
        return role, number

    def sides(self) -> list[Line]:
        """Return every line but the spine."""
        return [(role, number) for role in (EVENTS, ATTEMPTS) for number in range(self._counts[role])]
