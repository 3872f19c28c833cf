"""Who hears what: from a record straight to the conditions that must be asked about it.

Most records concern nobody; they are passed without being decoded any further.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from ensue_core.declarations import (
    Condition,
    Filter,
    OnCron,
    OnEvent,
    OnException,
    OnPoll,
    OnResult,
    OnStatus,
    Subset,
    TriggerSpec,
)
from ensue_core.facts import AttemptEnded, EventEmitted, InvocationCancelled, PollAnswered
from ensue_core.records import Record
from ensue_core.statuses import Status
from ensue_projections.occurrences import Occurrence, occurrences_of

Subject = Literal["payload", "arguments", "result"]


class Ear(msgspec.Struct, frozen=True):
    """A condition that listens, with the filters that do not match everything, cheapest subject first."""

    name: str
    condition: Condition
    filters: tuple[tuple[Subject, Filter], ...]


Heard = tuple[TriggerSpec, tuple[Ear, ...]]
"""A trigger and those of its conditions that listen for an occurrence."""


def ear(name: str, condition: Condition) -> Ear:
    """Return a condition as it is asked."""
    found: tuple[tuple[Subject, Filter], ...]
    match condition:
        case OnEvent(payload=payload):
            found = (("payload", payload),)
        case OnStatus(arguments=arguments) | OnException(arguments=arguments):
            found = (("arguments", arguments),)
        case OnResult(result=result, arguments=arguments):
            found = (("arguments", arguments), ("result", result))
        case OnCron() | OnPoll():
            found = ()
    tested = [pair for pair in found if not (isinstance(pair[1], Subset) and not pair[1].tests)]
    return Ear(name, condition, tuple(tested))


class Listening:
    """An index over some triggers' conditions. Built once for a declaration; looking up costs O(1)."""

    def __init__(self, specs: Iterable[TriggerSpec]) -> None:
        self._codes: dict[str, dict[str, list[str]]] = {}
        self._families: dict[str, dict[str, list[str]]] = {}
        self._statuses: dict[tuple[str, Status], dict[str, list[str]]] = {}
        self._polls: dict[tuple[str, str], tuple[Heard, ...]] = {}
        self._specs: dict[str, TriggerSpec] = {}
        self._joins: dict[str, list[str]] = {}
        self._cache: dict[object, tuple[Heard, ...]] = {}
        for spec in specs:
            self._specs[spec.id] = spec
            self._add(spec)
        self.tasks = {task for task, _ in self._statuses} | set(self._joins)

    def _add(self, spec: TriggerSpec) -> None:
        for name, condition in spec.conditions.items():
            match condition:
                case OnEvent(code):
                    table = self._families if code.endswith(".*") else self._codes
                    key = code[:-1] if code.endswith(".*") else code
                    table.setdefault(key, {}).setdefault(spec.id, []).append(name)
                case OnStatus(task, statuses):
                    for status in statuses:
                        self._hear(task, Status(status), spec.id, name)
                case OnResult(task, failures=failures):
                    self._hear(task, Status.SUCCESS, spec.id, name)
                    if failures:
                        self._hear(task, Status.FAILED, spec.id, name)
                case OnException(task):
                    self._hear(task, Status.FAILED, spec.id, name)
                case OnPoll():
                    self._polls[spec.id, name] = ((spec, (ear(name, condition),)),)
                case OnCron():
                    pass
        for branch in spec.branches:
            if len(branch.conditions) < 2:
                continue
            for name in branch.conditions:
                condition = spec.conditions[name]
                if condition.key.kind == "source" and not isinstance(condition, (OnEvent, OnCron, OnPoll)):
                    triggers = self._joins.setdefault(condition.task, [])
                    if spec.id not in triggers:
                        triggers.append(spec.id)

    def _hear(self, task: str, status: Status, trigger: str, condition: str) -> None:
        self._statuses.setdefault((task, status), {}).setdefault(trigger, []).append(condition)

    def heard(self, record: Record) -> bool:
        """Whether any trigger must be asked about a record, or a join closes with it."""
        fact = record.fact
        if type(fact) is EventEmitted:
            return bool(self._of_code(fact.code))
        if type(fact) is PollAnswered:
            return (fact.trigger, fact.condition) in self._polls
        if not self.tasks:
            return False
        task: str | None = getattr(fact, "task", None)
        if task is None or task not in self.tasks:
            return False
        if self.closes(record):
            return True
        return any(self.listeners(occurrence) for occurrence in occurrences_of(record))

    def listeners(self, occurrence: Occurrence) -> tuple[Heard, ...]:
        """Return the triggers, in id order, with the conditions that listen for an occurrence."""
        if occurrence.kind == "event":
            return self._of_code(occurrence.code)
        if occurrence.poll is not None:
            return self._polls.get(occurrence.poll, ())
        if occurrence.status is None:
            return ()
        key = (occurrence.task, occurrence.status)
        return self._sorted(key, self._statuses.get(key, {}))

    def closes(self, record: Record) -> tuple[str, ...]:
        """Return the triggers whose joins by source invocation close with a record, in id order."""
        fact = record.fact
        if isinstance(fact, InvocationCancelled) or (isinstance(fact, AttemptEnded) and fact.final):
            return tuple(sorted(self._joins.get(fact.task, ())))
        return ()

    def _of_code(self, code: str) -> tuple[Heard, ...]:
        if code in self._cache:
            return self._cache[code]
        found = {trigger: list(names) for trigger, names in self._codes.get(code, {}).items()}
        for prefix, listeners in self._families.items():
            if code.startswith(prefix):
                for trigger, names in listeners.items():
                    found.setdefault(trigger, []).extend(names)
        if len(self._cache) > 10_000:
            self._cache.clear()
        return self._sorted(code, found)

    def _sorted(self, key: object, found: dict[str, list[str]]) -> tuple[Heard, ...]:
        if key not in self._cache:
            specs = [(self._specs[name], found[name]) for name in sorted(found)]
            self._cache[key] = tuple(
                (spec, tuple(ear(name, spec.conditions[name]) for name in names)) for spec, names in specs
            )
        return self._cache[key]
