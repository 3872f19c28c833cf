"""Ingested batches: each is one request, and counts if its source offset comes in turn."""

from __future__ import annotations

from collections.abc import Sequence

from ensue_adapters.broker.lines import EVENTS, Lines
from ensue_adapters.broker.outbox import Outbox
from ensue_adapters.broker.tasks import OwnTasks
from ensue_core.rows import TopicRow
from ensue_core.topics import Batch, Clashing, Offsets, Overtaken, Taken
from ensue_projections.requests import Ingest, Turned, Verdict


class BrokerOffsets:
    """How far topics were taken. `views` are those of the store that holds the views."""

    per_partition = False

    def __init__(self, outbox: Outbox, lines: Lines, views: Offsets, tasks: OwnTasks) -> None:
        self._outbox, self._lines, self._views, self._tasks = outbox, lines, views, tasks

    async def rows(self, topic: str) -> Sequence[TopicRow]:
        """Return the partitions of a topic of which something was taken."""
        return await self._views.rows(topic)

    async def ingest(self, batches: Sequence[Batch]) -> list[Taken | Overtaken | Clashing]:
        """Ask for each batch; all of a topic goes to one line, so batches of one call keep their order."""
        if not batches:
            return []
        asking = (self._outbox.ask(self._lines.of(EVENTS, batch.topic), Ingest(batch)) for batch in batches)
        return [_outcome(each) for each in await self._tasks.run(self._tasks.all(asking))]


_: type[Offsets] = BrokerOffsets


def _outcome(verdict: Verdict) -> Taken | Overtaken | Clashing:
    assert isinstance(verdict, Turned)
    return verdict.outcome()
