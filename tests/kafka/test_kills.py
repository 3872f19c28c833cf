"""Kills at random, for a few seconds; `make ingest-kills` does it for as long as you like, with three brokers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.kafka.kills import Kills
from tests.servers.brokers import cluster
from tests.servers.kafka import NEWEST

SECONDS = 8.0


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_what_is_in_the_topic_is_in_the_log_once(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    url = f"sqlite:///{tmp_path}/log.db"
    if kind == "postgres":
        url = f"{request.getfixturevalue('postgres').url}?schema=kills"
    with cluster(NEWEST) as brokers:
        report = await Kills(tmp_path, url, brokers, seed).run(SECONDS)
    print(report)
    assert report.events > 0
    assert report.faults
