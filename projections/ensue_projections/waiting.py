"""Matches that wait for partners, in memory: by trigger, key and condition, oldest first, with their deadlines."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from ensue_core.ids import Id
from ensue_core.ports import FOREVER
from ensue_core.rows import WaitingRow

_Queue = OrderedDict[Id, WaitingRow]
"""Matches in log order. An OrderedDict drops from anywhere, and finds its first in O(1) after many drops."""


class Waiting:
    """The waiting matches of a service. Adding and dropping cost O(log n); finding the oldest costs O(1)."""

    def __init__(self, rows: Iterable[WaitingRow] = ()) -> None:
        self._rows: dict[Id, WaitingRow] = {}
        self._queues: dict[str, dict[str, dict[str, _Queue]]] = {}
        self._of_trigger: dict[str, _Queue] = {}
        self._heap: list[tuple[int, int, int, Id]] = []
        self._apart: dict[str, list[tuple[int, int, int, Id]]] = {}
        for row in sorted(rows, key=_order):
            self.add(row)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: WaitingRow) -> None:
        """Let a match wait; repeating it changes nothing."""
        if row.match in self._rows:
            return
        self._rows[row.match] = row
        keys = self._queues.setdefault(row.trigger, {})
        keys.setdefault(row.key, {}).setdefault(row.condition, OrderedDict())[row.match] = row
        self._of_trigger.setdefault(row.trigger, OrderedDict())[row.match] = row
        heapq.heappush(self._apart.get(row.trigger, self._heap), (row.deadline, row.position, row.index, row.match))

    def drop(self, matches: Iterable[Id]) -> None:
        """Let matches wait no longer; those that do not wait are passed over."""
        for match in matches:
            row = self._rows.pop(match, None)
            if row is None:
                continue
            del self._of_trigger[row.trigger][match]
            keys = self._queues[row.trigger]
            conditions = keys[row.key]
            queue = conditions[row.condition]
            del queue[match]
            if not queue:
                del conditions[row.condition]
                if not conditions:
                    del keys[row.key]
        # Heaps forget lazily: a deadline whose match is gone is passed over when it surfaces.

    def oldest(
        self, trigger: str, key: str, condition: str, not_before: int, not_after: int = FOREVER
    ) -> WaitingRow | None:
        """Return the oldest match of a condition and key that occurred between two log times, both included.

        In log order, which is the order of times but for what lagged.
        """
        queue = self._queues.get(trigger, {}).get(key, {}).get(condition)
        if not queue:
            return None
        return next((row for row in queue.values() if not_before <= row.occurred <= not_after), None)

    def of_key(self, trigger: str, key: str) -> list[WaitingRow]:
        """Return all matches of a trigger with a key, oldest first."""
        conditions = self._queues.get(trigger, {}).get(key)
        if not conditions:
            return []
        return sorted((row for queue in conditions.values() for row in queue.values()), key=_order)

    def count(self, trigger: str) -> int:
        """Return how many matches of a trigger wait."""
        return len(self._of_trigger.get(trigger, ()))

    def count_of_key(self, trigger: str, key: str) -> int:
        """Return how many matches of a trigger wait under a key."""
        conditions = self._queues.get(trigger, {}).get(key)
        return sum(map(len, conditions.values())) if conditions else 0

    def set_apart(self, trigger: str) -> None:
        """Judge a trigger's deadlines alone, by `expire_apart`: it lags behind the chain or is paused."""
        heap = [(row.deadline, row.position, row.index, row.match) for row in self._of(trigger)]
        heapq.heapify(heap)
        self._apart[trigger] = heap

    def rejoin(self, trigger: str) -> None:
        """Judge a trigger's deadlines with the chain's again."""
        if self._apart.pop(trigger, None) is not None:
            for row in self._of(trigger):
                heapq.heappush(self._heap, (row.deadline, row.position, row.index, row.match))

    def next_deadline(self, apart: str | None = None) -> int | None:
        """Return the earliest deadline of the chain's triggers, or of one that is set apart."""
        heap = self._heap if apart is None else self._apart.get(apart, [])
        while heap and not self._waits(heap[0][3], apart):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def expire(self, now: int, apart: str | None = None) -> list[WaitingRow]:
        """Return the matches whose deadline is before `now`, in deadline order, and drop them."""
        heap = self._heap if apart is None else self._apart.get(apart, [])
        late: list[WaitingRow] = []
        while heap and heap[0][0] < now:
            match = heapq.heappop(heap)[3]
            if self._waits(match, apart):
                late.append(self._rows[match])
                self.drop((match,))
        return late

    def _waits(self, match: Id, apart: str | None) -> bool:
        row = self._rows.get(match)
        return row is not None and (apart is not None or row.trigger not in self._apart)

    def _of(self, trigger: str) -> Iterator[WaitingRow]:
        return iter(self._of_trigger.get(trigger, OrderedDict()).values())

    def waits_for(self, trigger: str, source: Id) -> bool:
        """Whether a match of a trigger with some source waits."""
        return any(row.source == source for row in self._of(trigger))

    def oldest_of(self, trigger: str) -> WaitingRow | None:
        """Return a trigger's oldest match of all."""
        return next(self._of(trigger), None)

    def triggers(self) -> Iterator[str]:
        """Return the triggers that have waiting matches."""
        return (trigger for trigger, rows in self._of_trigger.items() if rows)

    def rows(self) -> list[WaitingRow]:
        """Return every waiting match, oldest first."""
        return sorted(self._rows.values(), key=_order)


def _order(row: WaitingRow) -> tuple[int, int, str, Id]:
    return row.position, row.index, row.condition, row.match
