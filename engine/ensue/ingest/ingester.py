"""The ingester's loop: reads its share of a topic, and hands batches to the store, where each counts once.

What it believes to own and how far it has read are no truth: the store's offset is. A batch that begins elsewhere is
void; then the loop reads on from where the offset stands. What cannot become an event lies in the dead-letter topic
before the offset moves past it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from ensue.ingest.batches import Made, make, parked
from ensue.ingest.declared import Ingest
from ensue.ingest.reading import Reading
from ensue.ingest.sharing import Sharing
from ensue_core.clock import Clock
from ensue_core.defaults import Defaults
from ensue_core.errors import CommitUnknown, EnsueError, StoreUnavailable, TopicUnavailable
from ensue_core.facts import RecordsMissed
from ensue_core.ids import derive
from ensue_core.ports import Store
from ensue_core.records import draft
from ensue_core.topics import BEFORE_FIRST, Batch, Clashing, Overtaken, Span, Taken, Topic

__all__ = ["Ingester"]

LOOK_SECONDS = 1.0
"""How often an ingester looks who else is there, and whether the queue has room."""

READ_PAGES = 2
"""How many pages of records are read at once: with one, Postgres waits for us longer than it works."""

SPANS_SECONDS = 10.0
"""How often it asks the topic for new partitions, and whether it is still being read."""

STALL_SECONDS = 30.0
"""How long records may be there without coming, before the client is thrown away."""

logger = logging.getLogger("ensue.ingest")


class Ingester:
    """Takes one topic in until it is cancelled, sharing its partitions with all others that do."""

    def __init__(
        self,
        store: Store,
        declared: Ingest,
        open_topic: Callable[[], Topic],
        *,
        clock: Clock,
        defaults: Defaults,
        process: str,
    ) -> None:
        self._store, self._declared, self._open = store, declared, open_topic
        self._clock, self._defaults = clock, defaults
        self._reading = Reading(declared, store.namespace, defaults, store.offsets.per_partition)
        self._sharing = Sharing(store, declared.name, process, clock, defaults.lease_seconds)
        self._topic: Topic | None = None
        self._spans: Mapping[int, Span] = {}
        self._spans_at = self._moved_at = float("-inf")
        self._share: frozenset[int] = frozenset()
        self._at: dict[int, int] = {}
        self._bringing: asyncio.Task[bool] | None = None
        self._full = False
        self.resting = False
        """Whether the last look found nothing to take in; for tests."""

    async def begin(self) -> None:
        """Open the topic, before `run` does. Raises `TopicUnavailable`."""
        if self._topic is None:
            topic = self._open()
            try:
                await topic.open()
            except BaseException:
                await topic.close()
                raise
            self._topic = topic

    async def close(self) -> None:
        """Let go of what `begin` opened, where `run` never did."""
        await self._let_go()

    async def run(self) -> None:
        """Read and take in; what breaks is said once and tried again, ever more rarely."""
        pause = 0.1
        said = ""
        try:
            while True:
                began = self._clock.monotonic()
                try:
                    await self._ingest()
                except (TopicUnavailable, StoreUnavailable, CommitUnknown) as error:
                    if self._clock.monotonic() - began > 60:
                        pause, said = 0.1, ""
                    if str(error) != said:
                        said = str(error)
                        logger.warning("topic %s: %s; trying again", self._declared.name, said)
                finally:
                    await self._let_go()
                await self._clock.sleep(pause)
                pause = min(pause * 2, 10.0)
        finally:
            await self._leave()

    async def _leave(self) -> None:
        with contextlib.suppress(EnsueError):  # it runs out by itself
            await self._sharing.leave()

    async def _let_go(self) -> None:
        topic, self._topic = self._topic, None
        self._share, self._at = frozenset(), {}
        self._spans_at = float("-inf")
        if self._bringing is not None:
            self._bringing.cancel()
            await asyncio.gather(self._bringing, return_exceptions=True)
            self._bringing = None
        if topic is not None:
            await topic.close()

    # One turn of the loop: look at who is there, read, make batches while the last ones commit.

    async def _ingest(self) -> None:
        await self.begin()
        assert self._topic is not None
        looked = float("-inf")
        while True:
            now = self._clock.monotonic()
            if now - looked >= LOOK_SECONDS:
                await self._settle()
                await self._look()
                looked = now
            if self._full or not self._share:
                await self._clock.sleep(LOOK_SECONDS)
                continue
            messages = await self._topic.read(READ_PAGES * self._defaults.batch_records_max, LOOK_SECONDS)
            self.resting = not messages and self._bringing is None
            if not messages:
                await self._settle()
                await self._pass_gaps()
                continue
            self._moved_at = self._clock.monotonic()
            made = await make(self._reading, self._declared.name, messages, self._at, self._clock)
            self._at.update({each.batch.partition: each.batch.through for each in made})
            if not await self._settle():
                continue  # what was made begins where nothing ends any more
            self._bringing = asyncio.ensure_future(self._bring(made))

    async def _settle(self) -> bool:
        """Wait for the batches under way. False where some were void: all is read again from where the store is."""
        if self._bringing is None:
            return True
        task, self._bringing = self._bringing, None
        try:
            if await asyncio.shield(task):
                return True
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        except CommitUnknown as error:
            logger.info("topic %s: %s; the offset tells", self._declared.name, error)
        await self._take(self._share)
        return False

    async def _bring(self, made: Sequence[Made]) -> bool:
        """Hand batches to the store; what clashes is parked and handed over again. False where some are void."""
        assert self._topic is not None
        while made:
            letters = [letter for each in made for letter in each.letters]
            if letters:
                await self._topic.park(letters)
            outcomes = await self._store.offsets.ingest([each.batch for each in made])
            again: list[Made] = []
            void = False
            for each, outcome in zip(made, outcomes, strict=True):
                match outcome:
                    case Taken():
                        pass
                    case Clashing(indexes):
                        again.append(parked(each, indexes))
                    case Overtaken():
                        void = True
            if void:
                return False
            made = again
        return True

    # Who reads what, from where.

    async def _look(self) -> None:
        assert self._topic is not None
        now = self._clock.monotonic()
        if now - self._spans_at >= SPANS_SECONDS:
            self._spans = await self._topic.spans()
            self._spans_at = now
            self._check_stalled(now)
        await self._check_room()
        share = await self._sharing.share(self._spans)
        if share != self._share:
            self._spans = await self._topic.spans()
            await self._take(share)
            logger.info("topic %s: reading partitions %s of %d", self._declared.name, sorted(share), len(self._spans))

    async def _take(self, share: Collection[int]) -> None:
        """Read a share from where the store's offsets are."""
        assert self._topic is not None
        through = await self._offsets()
        for partition in sorted(share):
            at, span = through.get(partition, BEFORE_FIRST), self._spans[partition]
            if span.past <= at:
                self._spans = await self._topic.spans()
                span = self._spans[partition]
            if span.past <= at:
                raise TopicUnavailable(
                    f"partition {partition} ends at offset {span.past}, but {at + 1} were taken in: the topic was made "
                    "anew or lost records; take it in under a new name (name=...)"
                )
            if partition in through and span.first > at + 1:
                await self._miss(partition, at, span.first)
                at = span.first - 1
            through[partition] = at
        self._share = frozenset(share)
        self._at = {partition: through[partition] for partition in share}
        self._moved_at = self._clock.monotonic()
        await self._topic.assign(self._at)

    async def _offsets(self) -> dict[int, int]:
        """Return how far the partitions were taken; where nothing was and `start` says so, all begin at their ends."""
        name = self._declared.name
        rows = await self._store.offsets.rows(name)
        if not rows and self._declared.start == "latest":
            ends = [Batch(name, each, BEFORE_FIRST, span.past - 1) for each, span in sorted(self._spans.items())]
            # All in one transaction: a partition without an offset is a new one from then on, and read from its start.
            await self._store.offsets.ingest(ends)
            rows = await self._store.offsets.rows(name)
        return {row.partition: row.through for row in rows}

    async def _miss(self, partition: int, after: int, first: int) -> None:
        """Record that the topic's retention was faster than we were."""
        name = self._declared.name
        fact = RecordsMissed(name, partition, after + 1, first - 1)
        id = derive(self._clock.now(), "missed", self._store.namespace, name, partition, first)
        await self._store.offsets.ingest([Batch(name, partition, after, first - 1, (draft(id, fact),))])
        logger.error(
            "topic %s: offsets %d to %d of partition %d were deleted unread: raise the topic's retention",
            name, after + 1, first - 1, partition,
        )  # fmt: skip

    async def _pass_gaps(self) -> None:
        """Move offsets past what holds no records (ends of transactions), so that no lag is shown."""
        assert self._topic is not None
        reached = self._topic.reached()
        gaps = [
            Batch(self._declared.name, each, at, reached[each])
            for each, at in sorted(self._at.items())
            if reached.get(each, at) > at
        ]
        if gaps:
            outcomes = await self._store.offsets.ingest(gaps)
            if all(isinstance(each, Taken) for each in outcomes):
                self._at.update({each.partition: each.through for each in gaps})
            else:
                await self._take(self._share)

    # What holds it back.

    async def _check_room(self) -> None:
        """Stop reading while too many invocations wait: the topic keeps what is not read."""
        queued, bound = await self._store.work.queued(), self._defaults.queued_max
        full = queued >= (bound * 9 // 10 if self._full else bound)
        if full != self._full:
            self._full = full
            logger.warning(
                "topic %s: %s, %d invocations are queued",
                self._declared.name,
                "waiting" if full else "going on",
                queued,
            )
        if full:
            self._moved_at = self._clock.monotonic()

    def _check_stalled(self, now: float) -> None:
        """A client that brings nothing though there is something has lost its way: begin with a new one."""
        assert self._topic is not None
        reached = self._topic.reached()
        behind = [
            each for each in self._share if self._spans[each].past > max(reached.get(each, -1), self._at[each]) + 1
        ]
        if behind and now - self._moved_at > STALL_SECONDS:
            raise TopicUnavailable(f"partitions {sorted(behind)} hold records that do not come: connecting anew")
