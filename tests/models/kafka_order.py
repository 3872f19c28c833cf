"""The order on Kafka: marks in one partition place what the others hold, and everybody folds the same positions.

Facts land in two partitions, some of them twice. Placers read as far as they happen to see and produce marks that say
how far, to the one partition of `steps`; a mark may land late, twice or never, and its placer may be long dead. A
reader that knows so many marks has folded a log; whoever knows more marks must have the same log, and more of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.models.checker import Model, check, put, within, without

Vector = tuple[int, int]


@dataclass(frozen=True)
class Rules:
    inside: str = "partition by partition"  # or "as the reader met them"
    waits: str = "until all that a mark covers is read"  # or "for nothing"
    repeated: str = "void"  # or "placed again"


class World(NamedTuple):
    partitions: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    marks: tuple[Vector, ...] = ()
    flights: tuple[Vector, ...] = ()
    again: tuple[tuple[int, str], ...] = ()
    emitted: int = 0
    placed: int = 0


def model(rules: Rules, events: tuple[tuple[str, int], ...], marks_max: int = 3) -> Model:
    def fold(world: World, marks: int, reader: int = 0) -> list[str]:
        """Return the log as a reader that knows so many marks has it."""
        at, log = (0, 0), list[str]()
        for mark in world.marks[:marks]:
            end = max(at[0], mark[0]), max(at[1], mark[1])
            places = (1, 0) if rules.inside == "as the reader met them" and reader else (0, 1)
            for place in places:
                held = world.partitions[place]
                if reader and place and rules.waits == "for nothing":
                    held = held[:-1]  # it has not met the last one yet
                for record in held[at[place] : end[place]]:
                    if rules.repeated == "placed again" or record not in log:
                        log.append(record)
            at = end
        return log

    def covered(world: World) -> Vector:
        """How far the marks go that have landed, as the placers fold them."""
        return max((mark[0] for mark in world.marks), default=0), max((mark[1] for mark in world.marks), default=0)

    def moves(world: World) -> Iterator[tuple[str, World]]:
        if world.emitted < len(events):
            record, place = events[world.emitted]
            landed = put(world.partitions, place, (*world.partitions[place], record))
            yield f"{record} lands in partition {place}", world._replace(partitions=landed, emitted=world.emitted + 1)
            yield (
                f"{record} lands in partition {place}, its acknowledgement is lost",
                world._replace(
                    partitions=landed, emitted=world.emitted + 1, again=within(world.again, (place, record))
                ),
            )
        for place, record in world.again:
            landed = put(world.partitions, place, (*world.partitions[place], record))
            yield (
                f"{record} lands again",
                world._replace(partitions=landed, again=without(world.again, (place, record))),
            )
        ends = len(world.partitions[0]), len(world.partitions[1])
        at = covered(world)
        if world.placed < marks_max:
            for seen in {(ends[0], ends[1]), (ends[0], at[1]), (at[0], ends[1])}:
                if seen != at:
                    yield (
                        f"a placer that has read to {seen} produces a mark",
                        world._replace(flights=within(world.flights, seen), placed=world.placed + 1),
                    )
        for mark in dict.fromkeys(world.flights):
            rest = world._replace(flights=without(world.flights, mark))
            yield f"never lands: the mark {mark}", rest
            if len(world.marks) < marks_max + 1:
                yield f"lands: the mark {mark}", rest._replace(marks=(*world.marks, mark))
                yield f"lands, and will again: the mark {mark}", world._replace(marks=(*world.marks, mark))

    def wrong(world: World) -> str | None:
        log = fold(world, len(world.marks))
        if len(log) != len(set(log)):
            return f"{next(each for each in log if log.count(each) > 1)} stands twice in the log {log}"
        for known in range(len(world.marks) + 1):
            for reader in (0, 1):
                other = fold(world, known, reader)
                if other != log[: len(other)]:
                    return f"reader {reader} knows {known} marks and has the log {other}; with all of them it is {log}"
        at = covered(world)
        held = set(world.partitions[0][: at[0]]) | set(world.partitions[1][: at[1]])
        return f"covered by marks, yet not in the log: {sorted(held - set(log))}" if held - set(log) else None

    return Model(World(), moves, wrong)


def main() -> int:
    right, two, three = Rules(), (("a", 0), ("b", 1)), (("a", 0), ("b", 1), ("c", 0))
    return check(
        "The order on Kafka",
        {
            "marks that land late, twice or never": model(right, two),
            "three facts, and more marks": model(right, three, marks_max=4),
        },
        {
            "a reader does not wait for what a mark covers": model(Rules(waits="for nothing"), two),
            "a reader places in the order in which it met them": model(Rules(inside="as the reader met them"), two),
            "a fact that lands again is placed again": model(Rules(repeated="placed again"), two),
        },
        states_max=100_000,
    )


if __name__ == "__main__":
    sys.exit(main())
