"""Logs that earlier versions recorded are read, are sound, and come to what they came to then."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from ensue_core.facts import decode_fact
from ensue_core.records import Record
from ensue_projections.queries import VERSION
from ensue_projections.whole import WholeFold
from tests.replay.record import CORPUS, Head, Line

LOGS = sorted(CORPUS.glob("*.jsonl"))


def read(path: Path) -> tuple[Head, list[Record], list[bytes]]:
    first, *lines = path.read_bytes().splitlines()
    found = [msgspec.json.decode(line, type=Line) for line in lines]
    data = [bytes(each.fact) for each in found]
    records = [
        Record(each.position, each.id, each.time, decode_fact(said, each.kind, each.version), each.cause, each.root)
        for each, said in zip(found, data, strict=True)
    ]
    return msgspec.json.decode(first, type=Head), records, data


def test_there_is_a_log_of_each_version() -> None:
    assert [path.stem for path in LOGS][:1] == ["0.1"]


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("page", [1, 13, 4_000])
def test_a_recorded_log_comes_to_what_it_came_to(path: Path, page: int) -> None:
    head, records, data = read(path)
    fold = WholeFold(head.namespace)
    for start in range(0, len(records), page):
        fold.page(records[start : start + page], data[start : start + page])
    fold.sound.end()
    assert fold.sound.flaws == []
    assert (fold.sound.steps, fold.sound.runs) == (head.steps, head.runs)
    # Folds of another version of the query views may well give other rows; what was decided stays.
    digests = {**fold.decisions(), **(fold.queries.digests() if head.version == VERSION else {})}
    assert {view: head.digests[view] for view in digests if view in head.digests} == {
        view: digest for view, digest in digests.items() if view in head.digests
    }


def test_a_fact_that_is_read_otherwise_is_noticed() -> None:
    head, records, data = read(LOGS[0])
    planted = [said.replace(b'"attempt":1', b'"attempt":2') for said in data]
    again = [replace(each, fact=decode_fact(said)) for each, said in zip(records, planted, strict=True)]
    fold = WholeFold(head.namespace)
    fold.page(again, planted)
    assert fold.sound.flaws
