"""Records a log for the corpus: `python -m tests.replay.record NAME` writes corpus/NAME.jsonl.

The first line says which folds gave which digests; the others are the records, in order. A log that was recorded is
never changed: later versions must read it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import msgspec

from ensue_core.facts import FORMAT, encode_fact
from ensue_core.ids import Id
from ensue_projections.digests import Digest
from ensue_projections.queries import VERSION
from tests.engine.kits import MemoryKits
from tests.replay.kits import played, space_of, verified

CORPUS = Path(__file__).parent / "corpus"


class Head(msgspec.Struct, frozen=True):
    """What the log came to when it was recorded."""

    namespace: str
    version: int
    digests: dict[str, Digest]
    steps: int
    runs: int


class Line(msgspec.Struct, frozen=True):
    """One record."""

    position: int
    id: Id
    time: int
    kind: str
    version: int
    cause: str | None
    root: str | None
    fact: msgspec.Raw


async def record(name: str) -> None:
    """Play the program of test_rebuild.py and write its log down."""
    async with played(MemoryKits()) as t:
        found, records = await verified(t.engine.store), space_of(t.engine.store).records
    assert found.well
    digests = {each.view: each.folded for each in found.views}
    lines = [msgspec.json.encode(Head("test", VERSION, digests, found.steps, found.runs))]
    lines += [
        msgspec.json.encode(
            Line(
                each.position,
                each.id,
                each.time,
                each.kind,
                FORMAT,
                each.cause,
                each.root,
                msgspec.Raw(encode_fact(each.fact)),
            )
        )
        for each in records
    ]
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")


if __name__ == "__main__":
    logging.disable()
    asyncio.run(record(sys.argv[1]))
