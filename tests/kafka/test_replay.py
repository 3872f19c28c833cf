"""What is claimed of replays holds for a log in Kafka, whose views are in a SQLite file."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.engine.kits import OpenKit, RealKits
from tests.replay import test_corrections, test_explain, test_rebuild, test_snapshots, test_verify
from tests.servers.kafka import Kafka

pytestmark = pytest.mark.slow


@pytest.fixture
def open_kit(kafka: Kafka, tmp_path: Path) -> OpenKit:
    """Opens engines on topics of their own."""
    url = kafka.url(f"r{uuid4().hex[:12]}")
    return RealKits("kafka", f"{url}{'&' if '?' in url else '?'}views=sqlite:///{tmp_path}/views.db")


test_failed_runs = test_corrections.test_a_failed_run_fires_under_its_own_id_once
test_events_emitted_again = test_corrections.test_events_are_emitted_again_only_where_nothing_ran
test_failed_invocations = test_corrections.test_failed_invocations_are_called_again_once
test_filters_explained = test_explain.test_the_first_test_that_blocks_is_named_with_what_it_saw
test_rebuilds = test_rebuild.test_a_rebuild_gives_what_was_live_however_it_is_cut
test_rebuilds_meanwhile = test_rebuild.test_the_engine_runs_on_meanwhile
test_decision_views = test_rebuild.test_decisions_are_folded_again_only_where_they_differ
test_rebuilds_from_snapshots = test_snapshots.test_a_rebuild_starts_from_a_snapshot
test_verification = test_verify.test_a_sound_log_and_its_views_agree_however_it_is_read
