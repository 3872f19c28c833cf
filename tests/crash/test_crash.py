"""Real processes die, at each named moment and at random ones, and nothing is lost, doubled or left lying.

The processes run in one command of their own, as they are forked. `make crash LENGTH=seconds` goes on for longer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.crash.points import POINTS
from tests.house.tree import ROOT

SEED = 20261123
POSTGRES_ONLY = (
    "sql.inserted", "sql.commit.before", "sql.commit.after", "step.entered", "drain.taken", "trip.after",
    "client.trip.before", "client.trip.after", "client.commit.after",
)  # fmt: skip
"""What is worth dying for again in each run: the moments of a transaction. `make crash` dies at all the others too."""


def rounds(*arguments: str) -> list[dict[str, Any]]:
    """Run the command and return what it found, round by round."""
    command = [sys.executable, "-m", "tests.crash", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def deaths() -> dict[str, dict[str, Any]]:
    """What a death at each fail-point led to."""
    return {each["name"].split()[0]: each for each in rounds("--points", "--once", "--jobs", "4")}


@pytest.fixture(scope="module")
def postgres_deaths() -> dict[str, dict[str, Any]]:
    """The same on Postgres, where it differs."""
    found = rounds("--store", "postgres", "--once", "--jobs", "4", "--points", *POSTGRES_ONLY)
    return {each["name"].split()[0]: each for each in found}


@pytest.mark.parametrize("name", POINTS["sqlite"])
def test_a_death_at_a_named_moment_harms_nothing(deaths: dict[str, dict[str, Any]], name: str) -> None:
    found = deaths[name]
    assert found["wrong"] == [], found


@pytest.mark.parametrize("name", POSTGRES_ONLY)
def test_a_death_inside_a_transaction_harms_nothing_on_postgres(
    postgres_deaths: dict[str, dict[str, Any]], name: str
) -> None:
    found = postgres_deaths[name]
    assert found["wrong"] == [], found


def test_deaths_pauses_and_deploys_at_random_moments_harm_nothing() -> None:
    found = rounds("--seconds", "12", "--seed", str(SEED))
    wrong = [(each["name"], each["wrong"], each["directory"]) for each in found if each["wrong"]]
    assert wrong == []
    assert sum(each["counts"].get("SIGKILL", 0) for each in found) > 3


KAFKA_ONLY = ("send.after", "folding.judged", "folding.after", "mark.after", "let.after", "client.send.after")
"""The moments of a log at a broker; `make crash STORE=kafka ARGS=--points` dies at all the others too."""


@pytest.fixture(scope="module")
def kafka_deaths() -> dict[str, dict[str, Any]]:
    """The same on a log in Kafka, where it differs."""
    found = rounds("--store", "kafka", "--once", "--jobs", "4", "--points", *KAFKA_ONLY)
    return {each["name"].split()[0]: each for each in found}


@pytest.mark.parametrize("name", KAFKA_ONLY)
def test_a_death_between_sending_and_folding_harms_nothing_on_kafka(
    kafka_deaths: dict[str, dict[str, Any]], name: str
) -> None:
    found = kafka_deaths[name]
    assert found["wrong"] == [], found


@pytest.mark.slow
def test_every_event_is_accounted_for_while_brokers_and_engines_are_killed() -> None:
    command = [sys.executable, "-m", "tests.crash.many", "--events", "3000", "--seed", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3000 events in, 3000 accounted for, one outcome each" in done.stdout


@pytest.mark.parametrize("replicated", [False, True], ids=["alone", "with a standby"])
def test_deaths_of_the_server_and_of_everybody_else_harm_nothing(replicated: bool) -> None:
    found = rounds("--store", "postgres", "--seconds", "10", "--seed", str(2 * SEED + replicated))
    assert [(each["name"], each["wrong"], each["directory"]) for each in found if each["wrong"]] == []
    counts = Counter[str]()
    for each in found:
        counts.update(each["counts"])
    assert counts["failover" if replicated else "server killed"] > 0
    assert counts["SIGKILL"] > 0
