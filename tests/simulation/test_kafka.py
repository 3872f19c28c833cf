"""Two schedulers that both believe that they lead fight over a log in Kafka for an hour of virtual time."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ensue_core.facts import Decided, TriggerFired
from tests.simulation import world as worlds
from tests.simulation.faults import Rates
from tests.simulation.world import World, scenario

HOUR = 3_600.0


@pytest.mark.slow
def test_two_schedulers_fight_for_an_hour_and_nothing_fires_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    roles = ("scheduler", "projectors", "worker")
    rates = Rates(delayed=0.8, delay_seconds=0.2, lies=1.0, twice=0.02, done_unknown=0.02, later_seconds=5.0)
    plan = replace(
        scenario(1), seconds=HOUR, rates=rates, slots=(roles, roles), side=False, clients=1, gap_seconds=60.0,
        crash_steps=0, chaos_seconds=HOUR, skew_seconds=0.0, step_micros=0,
    )  # fmt: skip
    monkeypatch.setattr(worlds, "scenario", {1: plan}.__getitem__)
    fight = World(1, kafka=True)
    fight.loop._steps_max = 10_000_000  # pyright: ignore[reportPrivateUsage]
    fight.run()
    assert fight.wrong == []
    assert fight.kafka is not None
    assert fight.kafka.counts["Step superseded"] > 5
    kinds = [type(each.fact) for each in fight.space.records]
    assert kinds.count(Decided) > 100
    assert kinds.count(TriggerFired) > 100
