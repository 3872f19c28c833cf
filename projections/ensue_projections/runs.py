"""The runs view: each firing of a trigger, whatever came of it, and its participants in order."""

from __future__ import annotations

from ensue_core.facts import DepthExceeded, Participant, RunFailed, TriggerFired
from ensue_core.ids import Id
from ensue_core.ports import RowKey
from ensue_core.records import Record
from ensue_core.rows import ParticipantRow, RunRow


class RunFold:
    """Folds one page. Each fact about a run says all of it: nothing of earlier pages is needed."""

    def __init__(self) -> None:
        self.runs: dict[RowKey, RunRow] = {}
        self.participants: dict[RowKey, ParticipantRow] = {}

    def fired(self, record: Record, fact: TriggerFired) -> None:
        """Add a run that registered an invocation."""
        run = fact.run or record.id
        self.runs[(run,)] = RunRow(
            run,
            record.position,
            record.time,
            fact.service,
            fact.trigger,
            fact.task,
            "fired",
            fact.invocation,
            fact.branch,
            fact.key,
            "",
            fact.author,
            record.root,
        )
        if fact.run is None:  # who took part in a run that is retried is known
            self._took_part(run, fact.participants)

    def failed(self, record: Record, fact: RunFailed) -> None:
        """Add a run whose arguments could not be made."""
        self._without_invocation(record, fact, "failed", fact.reason, fact.run)

    def too_deep(self, record: Record, fact: DepthExceeded) -> None:
        """Add a run at the end of too long a chain of causes."""
        self._without_invocation(record, fact, "too deep", f"depth {fact.depth}")

    def _without_invocation(
        self,
        record: Record,
        fact: RunFailed | DepthExceeded,
        outcome: str,
        reason: str,
        retried: Id | None = None,
    ) -> None:
        run = retried or record.id
        self.runs[(run,)] = RunRow(
            id=run,
            position=record.position,
            time=record.time,
            service=fact.service,
            trigger=fact.trigger,
            task=fact.task,
            outcome=outcome,
            branch=fact.branch,
            key=fact.key,
            reason=reason,
            author=fact.author if isinstance(fact, RunFailed) else None,
            root=record.root,
        )
        if retried is None:
            self._took_part(run, fact.participants)

    def _took_part(self, run: Id, participants: tuple[Participant, ...]) -> None:
        for place, each in enumerate(participants):
            self.participants[run, place] = ParticipantRow(
                run, place, each.condition, each.kind, each.source, each.position, each.occurred
            )
