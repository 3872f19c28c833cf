"""What an explanation says."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ensue.queries.shown import RunView, WaitingView

Verdict = Literal[
    "fired", "failed", "too deep", "waiting", "expired", "dropped", "not asked", "could not be asked", "no",
    "not heard", "ticked", "skipped", "nothing",
]  # fmt: skip
"""What became of it, the furthest first where there is more than one thing to tell of."""


class ConditionView(msgspec.Struct, frozen=True, kw_only=True):
    """What one condition said. `recorded`: the log says so; else it was asked again now.

    `holds` of None: it could not be asked. `because` says why it does not hold, `saw` is the value that it was given.
    """

    condition: str
    holds: bool | None
    recorded: bool
    because: str = ""
    saw: Any = None
    key: str | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a trigger fired or did not: `says` in a sentence, `needs` what would have made it fire.

    `waits` are the matches that wait with it, `runs` those it led to.
    """

    trigger: str
    when: str
    verdict: Verdict
    says: str
    needs: str = ""
    conditions: tuple[ConditionView, ...] = ()
    waits: tuple[WaitingView, ...] = ()
    runs: tuple[RunView, ...] = ()
    time: datetime | None = None
    position: int = 0
