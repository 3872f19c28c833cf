"""How an attempt ends, decided without a worker."""

import pytest

from ensue.worker.ends import (
    QUARANTINED,
    Raised,
    Released,
    Returned,
    delay_micros,
    end_of,
    lost_end,
    own_end,
    reaped_end,
)
from ensue.worker.failures import capture
from ensue_core.errors import Quarantined
from ensue_core.facts import Failure
from ensue_core.ids import derive
from ensue_core.rows import WorkRow
from tests.worker.bench import Options

NOW = 1_000_000_000
INVOCATION = derive(5, "an invocation")
ROW = WorkRow(INVOCATION, "shop.pay", 3, 0, 17, True, failures=1, crashes=1, depth=4, root="begin")
FAILURE = Failure("builtins.ValueError", "no")


def test_a_success_carries_the_result_and_the_counts_so_far() -> None:
    end = end_of(ROW, Returned(b"[1]"), Options(), NOW, "w")
    assert (end.status, bytes(end.result or b""), end.failures, end.crashes) == ("SUCCESS", b"[1]", 1, 1)
    assert (end.created, end.depth, end.task, end.attempt, end.worker) == (17, 4, "shop.pay", 3, "w")


@pytest.mark.parametrize(("retries", "status"), [(0, "FAILED"), (1, "FAILED"), (2, "RETRY"), (3, "RETRY")])
def test_a_failure_is_retried_while_failures_are_within_max_retries(retries: int, status: str) -> None:
    end = end_of(ROW, Raised(FAILURE, retryable=True), Options(max_retries=retries), NOW, "w")
    assert (end.status, end.failures, end.crashes, end.failure) == (status, 2, 1, FAILURE)
    assert (end.due >= NOW) == (status == "RETRY")


def test_a_failure_that_another_try_cannot_better_is_final() -> None:
    assert end_of(ROW, Raised(FAILURE), Options(max_retries=9), NOW, "w").status == "FAILED"


def test_a_released_attempt_counts_neither_as_crash_nor_as_failure_and_is_due_at_once() -> None:
    end = end_of(ROW, Released(), Options(), NOW, "w")
    assert (end.status, end.due, end.failures, end.crashes) == ("RELEASED", NOW, 1, 1)


def test_delays_double_up_to_a_bound_with_jitter_that_every_process_finds_again() -> None:
    options = Options(retry_first_seconds=1.0, retry_longest_seconds=600.0)
    invocations = [derive(5, "x", number) for number in range(200)]
    for failures, bound in ((1, 1.0), (2, 2.0), (5, 16.0), (10, 512.0), (11, 600.0), (5_000, 600.0)):
        delays = [delay_micros(each, failures, failures, options) / 1e6 for each in invocations]
        assert delays == [delay_micros(each, failures, failures, options) / 1e6 for each in invocations]
        assert max(delays) <= bound
        assert max(delays) > 0.9 * bound
        assert min(delays) < 0.1 * bound
        assert 0.4 * bound < sum(delays) / len(delays) < 0.6 * bound


def test_jitter_differs_between_attempts_and_is_the_same_for_ever() -> None:
    options = Options()
    delays = [delay_micros(INVOCATION, attempt, 1, options) for attempt in (1, 2, 3)]
    assert delays == [757_788, 360_201, 233_273]


def test_a_lost_attempt_counts_as_a_crash_and_the_third_is_quarantined() -> None:
    lost = lost_end(ROW, 3, NOW, "reaper")
    assert (lost.status, lost.crashes, lost.failures, lost.due) == ("LOST", 2, 1, NOW)
    last = lost_end(WorkRow(INVOCATION, "t", 9, 0, 1, True, crashes=2), 3, NOW, "reaper")
    assert (last.status, last.crashes, last.final) == ("FAILED", 3, True)
    assert last.failure is not None
    as_raised = capture(Quarantined())
    assert last.failure.type == QUARANTINED == as_raised.type
    assert last.failure.bases == as_raised.bases


def test_an_end_keeps_its_id_when_it_is_sent_again_and_no_reaper_has_the_same() -> None:
    end = end_of(ROW, Returned(b"1"), Options(), NOW, "w")
    assert own_end(ROW, end) == own_end(ROW, end)
    other = end_of(ROW, Returned(b"1"), Options(), NOW, "another")
    one_reaper = reaped_end(ROW, lost_end(ROW, 3, NOW, "w"))
    other_reaper = reaped_end(ROW, lost_end(ROW, 3, NOW + 1, "another"))
    assert one_reaper.end.id == other_reaper.end.id
    assert len({own_end(ROW, end).end.id, own_end(ROW, other).end.id, one_reaper.end.id}) == 3
    assert (one_reaper.end.cause, one_reaper.end.root) == (INVOCATION, "begin")
