"""A short campaign of the simulated engine; `python -m tests.simulate` runs longer ones."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.simulate import Campaign, campaign, run_seed

ROOT = Path(__file__).parents[2]
SECONDS = 30.0
"""How long the short campaign may take; a slow machine runs fewer seeds."""


def kept_seeds() -> list[int]:
    """Return the seeds that are worth another run each time."""
    lines = Path(__file__).with_name("seeds.txt").read_text().splitlines()
    return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.slow
def test_no_seed_of_a_short_campaign_breaks_an_invariant() -> None:
    began, total = time.monotonic(), Campaign()
    for outcome in campaign([*kept_seeds(), *range(60)], os.cpu_count() or 1):
        total.add(outcome)
        if time.monotonic() - began > SECONDS:
            break
    assert not total.failed, "\n".join(
        f"seed {each.seed}: {each.wrong[0]}\n  replay: python -m tests.simulate --seed {each.seed} --steps"
        for each in total.failed
    )
    assert {"join", "crash", "retry"} <= set(total.reached)


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_a_seed_is_one_run_in_every_process_and_under_every_hash_seed(hash_seed: str) -> None:
    code = "from tests.simulate import run_seed; print(run_seed(6).digest)"
    paths = os.pathsep.join(str(ROOT / each) for each in ("engine", "projections", "adapters", "."))
    env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": paths}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == run_seed(6).digest
