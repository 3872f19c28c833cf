"""The rules by which Kafka is the log hold in every order of things, and what looks like them does not."""

from __future__ import annotations

import pytest

from tests.models import kafka_deadline, kafka_order


@pytest.mark.slow
def test_marks_give_every_reader_the_same_order() -> None:
    assert kafka_order.main() == 0


@pytest.mark.slow
def test_a_deadline_waits_for_every_partition() -> None:
    assert kafka_deadline.main() == 0
