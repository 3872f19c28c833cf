"""The fold of decision views."""

import pytest

from ensue.testing.conformance.drafts import EMPTY
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    ConditionFailed,
    EventEmitted,
    Fact,
    InvocationCancelled,
    InvocationCreated,
)
from ensue_core.ids import new_id
from ensue_core.records import Record
from ensue_projections.chain import chain_changes
from ensue_projections.decisions import changes_of
from ensue_projections.work import work_changes


@pytest.mark.parametrize(
    "fact",
    [
        EventEmitted("a", EMPTY),
        ConditionFailed("s", "t", "c", 1, 0, "why"),
        InvocationCreated("t", EMPTY),
        AttemptStarted(new_id(), 1, "t", 1),
        AttemptEnded(new_id(), 1, "t", 1, "RETRY"),
        AttemptEnded(new_id(), 1, "t", 1, "SUCCESS"),
        InvocationCancelled(new_id(), "t", 1),
    ],
    ids=["event", "failed", "created", "started", "retry", "success", "cancelled"],
)
def test_a_view_that_is_not_asked_had_nothing_to_say(fact: Fact) -> None:
    record = Record(1, new_id(), 1, fact)
    assert changes_of(record) == (*work_changes(record), *chain_changes(record))
