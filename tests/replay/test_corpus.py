"""Logs that earlier versions recorded are read, are sound, and come to what they came to then."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from ensue import projector
from ensue.replay.verify import verify
from ensue.testing.clock import ManualClock
from ensue_adapters.memory.archive import MemoryArchive
from ensue_adapters.memory.store import MemoryStore
from ensue_adapters.memory.world import MemoryWorld
from ensue_core.defaults import DEFAULTS
from ensue_core.facts import Fact, decode_fact
from ensue_projections.queries import VERSION
from ensue_projections.whole import WholeFold
from tests.replay.record import CORPUS, SUFFIX, digests, read

LOGS = sorted(CORPUS.glob(f"*{SUFFIX}"))


def name_of(path: Path) -> str:
    return path.name.removesuffix(SUFFIX)


def test_the_first_version_s_logs_are_there() -> None:
    assert {"0.1-corrected", "0.1-program", "0.1-town-104", "0.1-town-9"} <= {name_of(path) for path in LOGS}


def test_every_kind_of_fact_was_recorded() -> None:
    """A new kind is recorded once it is there: `python -m tests.replay.record VERSION`."""
    kinds = {each.kind for path in LOGS for each in read(path)[1]}
    assert kinds == {kind.__name__ for kind in Fact.__subclasses__()}


@pytest.mark.parametrize("path", LOGS, ids=name_of)
def test_a_recorded_log_does_not_say_where_it_was_recorded(path: Path) -> None:
    said = b"".join(read(path)[2])
    assert b"/tests/" not in said.replace(b"/srv/ensue/tests/", b"")


@pytest.mark.parametrize("path", LOGS, ids=name_of)
@pytest.mark.parametrize("page", [1, 13, 4_000])
def test_a_recorded_log_comes_to_what_it_came_to(path: Path, page: int) -> None:
    head, records, data = read(path)
    fold, half = WholeFold(head.namespace), len(records) // 2
    # Folds of another version of the query views may well give other rows; what was decided stays.
    compared = head.end.keys() if head.version == VERSION else fold.decisions().keys() & head.end.keys()
    for begin, end, expected in ((0, half, head.middle), (half, len(records), head.end)):
        for start in range(begin, end, page):
            upto = min(start + page, end)
            fold.page(records[start:upto], data[start:upto])
        assert {view: digests(fold)[view] for view in compared} == {view: expected[view] for view in compared}
    fold.sound.end()
    assert fold.sound.flaws == []
    assert (fold.sound.steps, fold.sound.runs) == (head.steps, head.runs)


@pytest.mark.parametrize("path", LOGS, ids=name_of)
async def test_a_store_takes_a_recorded_log_over(path: Path) -> None:
    """Its views are folded anew, and a verification finds nothing wrong."""
    head, records, _ = read(path)
    store = MemoryStore(MemoryWorld(), head.namespace, ManualClock(records[-1].time))
    await store.open()
    store.space.records += records
    await store.rebuild_decisions()
    await projector.catch_up(store, DEFAULTS)
    archive = MemoryArchive(store.space, head.namespace)
    await archive.open()
    found = await verify(archive)
    assert found.well
    if head.version == VERSION:
        assert {each.view: each.live for each in found.views} == head.end


@pytest.mark.parametrize("old", [b'"attempt":1', b'"clock":17', b'"trigger":"'])
def test_a_fact_that_is_read_otherwise_is_noticed(old: bytes) -> None:
    head, records, data = read(next(path for path in LOGS if name_of(path) == "0.1-program"))
    planted = [said.replace(old, old.replace(b"1", b"2") if b"1" in old else old + b"x") for said in data]
    assert planted != data
    again = [replace(each, fact=decode_fact(said)) for each, said in zip(records, planted, strict=True)]
    fold = WholeFold(head.namespace)
    fold.page(again, planted)
    fold.sound.end()
    assert fold.sound.flaws or digests(fold) != head.end
