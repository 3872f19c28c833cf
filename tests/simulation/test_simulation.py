"""A short campaign of the simulated engine; `python -m tests.simulate` runs longer ones."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.simulate import Campaign, campaign, replay_command, run_seed
from tests.simulation.sql import Flaw

ROOT = Path(__file__).parents[2]
SECONDS = 30.0
"""How long the short campaign may take; a slow machine runs fewer seeds."""


def kept_seeds() -> list[int]:
    """Return the seeds that are worth another run each time."""
    lines = Path(__file__).with_name("seeds.txt").read_text().splitlines()
    return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.slow
@pytest.mark.parametrize("on", ["memory", "SQL", "Kafka"])
def test_no_seed_of_a_short_campaign_breaks_an_invariant(on: str) -> None:
    sql, kafka = on == "SQL", on == "Kafka"
    began, total = time.monotonic(), Campaign(sql, kafka)
    seeds = [*(KAFKA_SEEDS if kafka else kept_seeds()), *range(60)]
    for outcome in campaign(seeds, os.cpu_count() or 1, sql=sql, kafka=kafka):
        total.add(outcome)
        if time.monotonic() - began > (SECONDS if on == "memory" else SECONDS / 2):
            break
    assert not total.failed, "\n".join(
        f"seed {each.seed}: {each.wrong[0]}\n  {replay_command(each.seed, sql=sql, kafka=kafka)}"
        for each in total.failed
    )
    assert {"join", "crash", "retry"} <= set(total.reached)


KAFKA_SEEDS = (35, 14, 34)
"""Seeds that have shown what was wrong once: time that passed in a batch before all of it had happened."""

FLAWS: dict[Flaw, str] = {
    "drains past a number": "was committed and is not in the log",
    "appends without draining": "was sent after one at",
    "shows rows before their commit": "was undone and is in the log",
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_wrong_sql_server_is_noticed(flaw: Flaw) -> None:
    wrong = run_seed(248, sql=True, flaw=flaw).wrong
    assert any(FLAWS[flaw] in each for each in wrong), wrong[:3]


@pytest.mark.parametrize(("hash_seed", "on"), [("0", ""), ("4711", ""), ("4711", "sql"), ("4711", "kafka")])
def test_a_seed_is_one_run_in_every_process_and_under_every_hash_seed(hash_seed: str, on: str) -> None:
    seed = {"sql": 248, "kafka": 3}.get(on, 6)
    sql, kafka = on == "sql", on == "kafka"
    code = f"from tests.simulate import run_seed; print(run_seed({seed}, sql={sql}, kafka={kafka}).digest)"
    paths = os.pathsep.join(str(ROOT / each) for each in ("engine", "projections", "adapters", "."))
    env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": paths}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == run_seed(seed, sql=sql, kafka=kafka).digest
