"""Deadlines on Kafka: a Step lets only so much time pass as every partition is known to have been read for.

The scheduler reads what marks have placed (kafka_order.py), and one partition may lag behind the other. `a` in
partition 0 and `b` in partition 1 join when they were appended within one tick, `c` in partition 0 is busy traffic. A
fact's log time is the running maximum of the order, so one that lagged gets a later one; its window is judged by when
it was appended.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.models.checker import Model, check, put

WITHIN = 1
NEVER = -9


@dataclass(frozen=True)
class Rules:
    clock: str = "the horizon"  # or "the last record's time", "the scheduler's own"
    horizon: str = "every partition"  # or "those that hold records"
    window: str = "when it was appended"  # or "its log time"


class World(NamedTuple):
    partitions: tuple[tuple[tuple[str, int], ...], ...] = ((), ())  # (record, append time)
    moved: tuple[bool, bool] = (False, False)
    emitted: int = 0
    clock: int = 0
    covered: tuple[int, int] = (0, 0)
    order: tuple[tuple[str, int, int], ...] = ()  # (record, when appended, log time)
    through: int = 0
    step_clock: int = NEVER
    waiting: tuple[tuple[str, int], ...] = ()
    fired: tuple[tuple[str, str], ...] = ()
    marks: int = 2
    writing: Any = None


def model(
    rules: Rules,
    lag: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
    events: tuple[tuple[str, int], ...] = (("a", 0), ("b", 1), ("c", 0)),
) -> Model:
    def times(partition: tuple[tuple[str, int], ...]) -> list[tuple[str, int]]:
        highest, timed = NEVER, list[tuple[str, int]]()
        for record, appended in partition:
            highest = max(highest, appended)
            timed.append((record, highest))
        return timed

    def append(world: World, place: int, record: str) -> World:
        appended = world.clock - lag[place][world.moved[place]]
        return world._replace(partitions=put(world.partitions, place, (*world.partitions[place], (record, appended))))

    def cover(world: World, place: int) -> World:
        order = list(world.order)
        timed = times(world.partitions[place])
        for record, appended in timed[world.covered[place] :]:
            if record != "mark":
                order.append((record, appended, max(appended, order[-1][2] if order else NEVER)))
        return world._replace(covered=put(world.covered, place, len(timed)), order=tuple(order))

    def horizon(world: World) -> int:
        read = [times(world.partitions[place])[: world.covered[place]] for place in (0, 1)]
        if rules.horizon != "every partition":
            read = [each for each in read if each]
        return min((each[-1][1] if each else NEVER for each in read), default=NEVER)

    def step(world: World) -> tuple[str, World]:
        waiting, fired = list(world.waiting), list(world.fired)
        last = NEVER
        for record, appended, logged in world.order[world.through :]:
            last = logged
            moment = appended if rules.window == "when it was appended" else logged
            partner = next((row for row in waiting if abs(moment - row[1]) <= WITHIN), None)
            if record == "c":
                continue
            if partner:
                waiting.remove(partner)
                fired.append((partner[0], record))
            else:
                waiting.append((record, moment))
        match rules.clock:
            case "the horizon":
                clock = horizon(world)
            case "the last record's time":
                clock = last
            case _:
                clock = world.clock
        clock = max(clock, world.step_clock)
        expired = [row for row in waiting if clock > row[1] + WITHIN]
        words = f"a Step through {len(world.order)} with clock {clock if clock != NEVER else 'unknown'}"
        words += f", fires {fired[len(world.fired) :]}" if len(fired) > len(world.fired) else ""
        words += f", {expired[0][0]} expires" if expired else ""
        kept = tuple(row for row in waiting if row not in expired)
        return words, world._replace(through=len(world.order), step_clock=clock, waiting=kept, fired=tuple(fired))

    def moves(world: World) -> Iterator[tuple[str, World]]:
        if world.clock < 3:
            yield f"the clock ticks: {world.clock + 1}", world._replace(clock=world.clock + 1)
        for place in (0, 1):
            if lag[place][0] != lag[place][1] and not world.moved[place]:
                yield f"the leader of partition {place} moves", world._replace(moved=put(world.moved, place, True))
            if world.covered[place] < len(world.partitions[place]):
                yield f"a mark covers partition {place}", cover(world, place)
        if world.emitted < len(events):
            record, place = events[world.emitted]
            after = append(world, place, record)._replace(emitted=world.emitted + 1)
            yield f"{record} lands in partition {place} with append time {after.partitions[place][-1][1]}", after
        if world.writing is not None:
            place = world.writing
            yield (
                f"time is marked in partition {place}",
                append(world, place, "mark")._replace(writing=1 if place == 0 else None),
            )
        elif world.marks and any(world.clock > moment + WITHIN for _, moment in world.waiting):
            yield "a deadline is due: time is to be marked", world._replace(writing=0, marks=world.marks - 1)
        yield step(world)

    def wrong(world: World) -> str | None:
        """In the order folded so far: did the join fire where both were appended in time, and only there?"""
        moments = {record: appended for record, appended, _ in world.order[: world.through]}
        if "a" not in moments or "b" not in moments:
            return None
        fits = abs(moments["a"] - moments["b"]) <= WITHIN
        if fits != bool(world.fired):
            said = "fired" if world.fired else "expired"
            return f"appended at {moments}: {'in time' if fits else 'too late'}, yet the join {said}"
        return None

    return Model(World(), moves, wrong)


def main() -> int:
    right, behind, back = Rules(), ((0, 0), (1, 1)), ((0, 0), (0, 1))
    return check(
        "Deadlines on Kafka",
        {
            "equal clocks, one partition lags": model(right),
            "partition 1's broker is behind": model(right, behind),
            "the leader of partition 1 moves to a broker that is behind": model(right, back),
        },
        {
            "a Step takes the time of the last record it read": model(Rules(clock="the last record's time")),
            "a Step takes the scheduler's own clock": model(Rules(clock="the scheduler's own")),
            "partitions that hold nothing are not waited for": model(Rules(horizon="those that hold records")),
            "a window is judged by log time": model(Rules(window="its log time")),
        },
        states_max=400_000,
    )


if __name__ == "__main__":
    sys.exit(main())
