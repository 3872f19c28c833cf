"""Changes to decision views: what one fact does to their rows. A closed set; stores apply them in order."""

from __future__ import annotations

import msgspec

from ensue_core.facts import Through
from ensue_core.ids import Id
from ensue_core.rows import TimerRow, TopicRow, TriggerRow, WaitingRow, WorkRow


class WorkAdded(msgspec.Struct, frozen=True, gc=False):
    """An invocation was created."""

    row: WorkRow


class WorkStarted(msgspec.Struct, frozen=True, gc=False):
    """An attempt began."""

    invocation: Id
    attempt: int


class WorkReopened(msgspec.Struct, frozen=True, gc=False):
    """The next attempt is open from log time `due`."""

    invocation: Id
    attempt: int
    due: int
    failures: int
    crashes: int


class WorkEnded(msgspec.Struct, frozen=True, gc=False):
    """The invocation has ended or is cancelled."""

    invocation: Id


class MatchAdded(msgspec.Struct, frozen=True, gc=False):
    """A match waits."""

    row: WaitingRow


class MatchesGone(msgspec.Struct, frozen=True, gc=False):
    """Matches wait no longer."""

    matches: tuple[Id, ...]


class TimerSet(msgspec.Struct, frozen=True, gc=False):
    """A cron condition's next slot."""

    row: TimerRow


class TimersGone(msgspec.Struct, frozen=True, gc=False):
    """A trigger's cron conditions tick no more."""

    service: str
    trigger: str


class TriggerSet(msgspec.Struct, frozen=True):
    """A trigger as declared now."""

    row: TriggerRow


class TriggerChanged(msgspec.Struct, frozen=True):
    """A trigger's state; `begins` of None leaves it as it was."""

    service: str
    trigger: str
    state: str
    own: Through | None
    begins: int | None = None
    reason: str | None = None


class OwnMoved(msgspec.Struct, frozen=True):
    """How far a lagging trigger has been asked; None where it has met the chain."""

    service: str
    trigger: str
    own: Through | None


class ChainMoved(msgspec.Struct, frozen=True, gc=False):
    """The chain's last effective Step."""

    service: str
    step: Id
    through: Through
    clock: int


class ServiceSet(msgspec.Struct, frozen=True):
    """Who is declared."""

    service: str
    version: str
    tasks: tuple[str, ...]


class ServicePauseSet(msgspec.Struct, frozen=True):
    """Whether the service decides at all."""

    service: str
    paused: bool


class TopicMoved(msgspec.Struct, frozen=True, gc=False):
    """A partition's offset; its counts grow by those of `more`."""

    more: TopicRow


WorkChange = WorkAdded | WorkStarted | WorkReopened | WorkEnded
ChainChange = (
    MatchAdded
    | MatchesGone
    | TimerSet
    | TimersGone
    | TriggerSet
    | TriggerChanged
    | OwnMoved
    | ChainMoved
    | ServiceSet
    | ServicePauseSet
)
Change = WorkChange | ChainChange | TopicMoved
