"""What is claimed of replays on the memory store and on SQLite holds on Postgres."""

from __future__ import annotations

import pytest

from tests.engine.kits import OpenKit, RealKits
from tests.replay import (
    test_as_of,
    test_backtest,
    test_corrections,
    test_explain,
    test_rebuild,
    test_snapshots,
    test_verify,
)


@pytest.fixture
def open_kit(postgres_url: str) -> OpenKit:
    """Opens engines on one Postgres schema."""
    return RealKits("postgres", postgres_url)


test_the_past = test_as_of.test_the_past_is_shown_as_it_was
test_the_past_stays = test_as_of.test_the_past_cannot_be_changed
test_backtests = test_backtest.test_unchanged_triggers_would_have_done_the_same

test_conditions_asked_again = test_corrections.test_a_condition_is_asked_again_under_its_match
test_failed_runs = test_corrections.test_a_failed_run_fires_under_its_own_id_once
test_events_emitted_again = test_corrections.test_events_are_emitted_again_only_where_nothing_ran
test_failed_invocations = test_corrections.test_failed_invocations_are_called_again_once

test_functions_explained = test_explain.test_functions_are_asked_again_and_failures_are_read_from_the_log
test_filters_explained = test_explain.test_the_first_test_that_blocks_is_named_with_what_it_saw

test_rebuilds = test_rebuild.test_a_rebuild_gives_what_was_live_however_it_is_cut
test_interrupted_rebuilds = (
    test_rebuild.test_interrupted_anywhere_the_live_views_are_untouched_and_the_rest_is_folded_later
)
test_killed_rebuilds = test_rebuild.test_killed_anywhere_a_rebuild_goes_on_where_it_was
test_rebuilds_meanwhile = test_rebuild.test_the_engine_runs_on_meanwhile
test_rollbacks = test_rebuild.test_a_rollback_catches_up_before_it_shows
test_decision_views = test_rebuild.test_decisions_are_folded_again_only_where_they_differ

test_rebuilds_from_snapshots = test_snapshots.test_a_rebuild_starts_from_a_snapshot
test_broken_fillings = test_snapshots.test_a_rebuild_that_broke_while_it_was_filled_begins_anew
test_snapshots_anywhere = test_snapshots.test_verification_goes_on_from_a_snapshot_anywhere

test_verification = test_verify.test_a_sound_log_and_its_views_agree_however_it_is_read
test_views_that_lag = test_verify.test_query_views_that_lag_are_compared_where_they_stand
