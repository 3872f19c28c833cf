"""The committer: the one place where ends are appended, so that no cancelled body can lose its own."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from ensue.worker.waiting import Patience
from ensue_core.clock import Clock
from ensue_core.defaults import Defaults
from ensue_core.errors import CommitUnknown, StoreError
from ensue_core.ports import End, Store

ItemT = TypeVar("ItemT")

BATCH_BYTES_MAX = 8 * 1024 * 1024
"""How large a batch grows; one end may be larger."""

_log = logging.getLogger("ensue.worker")


class Committer(Generic[ItemT]):
    """Appends whatever waited during the last commit, again and again until it is known what became of it.

    `settled(item, effective)` is called for each: False where another end of that attempt came first.
    `refused(item, error)` is called for an end that the store cannot take at all; it may put another one.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        defaults: Defaults,
        settled: Callable[[ItemT, bool], None],
        refused: Callable[[ItemT, Exception], None],
    ) -> None:
        self._store = store
        self._patience = Patience(clock)
        self._batch_max = defaults.batch_records_max
        self._settled = settled
        self._refused = refused
        self._waiting: deque[tuple[ItemT, End]] = deque()
        self._some = asyncio.Event()

    def put(self, item: ItemT, end: End) -> None:
        """Have an end appended; never blocks."""
        self._waiting.append((item, end))
        self._some.set()

    async def run(self) -> None:
        """Append what comes until cancelled."""
        while True:
            await self._some.wait()
            batch = self._next_batch()
            if not batch:
                self._some.clear()
                continue
            try:
                await self._commit(batch)
            except BaseException:
                # Broken off: they wait for the next run. An end may then be sent twice, which does no harm.
                self._waiting.extendleft(reversed(batch))
                raise

    def _next_batch(self) -> list[tuple[ItemT, End]]:
        batch: list[tuple[ItemT, End]] = []
        size = 0
        waiting = self._waiting
        while waiting and len(batch) < self._batch_max:
            end = waiting[0][1]
            size += len(end.end.data)
            if end.buffered:
                size += sum([len(each.data) for each in end.buffered])
            if batch and size > BATCH_BYTES_MAX:
                break
            batch.append(waiting.popleft())
        return batch

    async def _commit(self, batch: list[tuple[ItemT, End]]) -> None:
        """Append a batch; where the store cannot take it, end by end, so that one cannot hold up the rest."""
        try:
            answers = await self._until_known([end for _, end in batch])
        except Exception as error:
            if len(batch) == 1:
                _log.exception("the store refused the end of an attempt (%s)", batch[0][1].invocation)
                self._refused(batch[0][0], error)
                return
            for each in batch:
                await self._commit([each])
            return
        for (item, _), effective in zip(batch, answers, strict=True):
            self._settled(item, effective)

    async def _until_known(self, ends: list[End]) -> list[bool]:
        """Ask until the store answers.

        An attempt's end is a write-once register, so asking again is safe; after an unknown outcome a refused
        end may be our own, which landed before, and is looked up.
        """
        unknown = False
        while True:
            try:
                answers = await self._store.work.finish(ends)
                if unknown:
                    answers = [
                        effective or await self._store.log.find(end.end.id) is not None
                        for effective, end in zip(answers, ends, strict=True)
                    ]
                self._patience.reset()
                return answers
            except StoreError as error:
                unknown = unknown or isinstance(error, CommitUnknown)
                _log.warning("%d ends wait for the store: %s", len(ends) + len(self._waiting), error)
                await self._patience.wait()
