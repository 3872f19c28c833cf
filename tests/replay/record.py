"""Records logs for the corpus: `python -m tests.replay.record 0.1` writes corpus/0.1-*.jsonl.gz.

The first line says which folds gave which digests, half way and at the end; the others are the records, in order. A log
that was recorded is never changed, and none is recorded twice: later versions must read what this one wrote.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from ensue.testing.conformance.drafts import event
from ensue_core.facts import FORMAT, RecordParked, RecordsMissed, decode_fact
from ensue_core.ids import Id, new_id
from ensue_core.records import Record, draft
from ensue_core.topics import Batch
from ensue_projections.digests import Digest
from ensue_projections.queries import VERSION
from ensue_projections.whole import WholeFold
from tests.engine.kits import MemoryKits
from tests.house.tree import ROOT
from tests.replay import test_corrections as corrections
from tests.replay.kits import played, space_of
from tests.simulation.world import NAMESPACE, World

CORPUS = Path(__file__).parent / "corpus"
SUFFIX = ".jsonl.gz"
TOWNS = (9, 104)
"""Seeds of simulated towns: few records, and between them nearly every kind of fact."""


class Head(msgspec.Struct, frozen=True):
    """What a log came to when it was recorded."""

    namespace: str
    version: int
    middle: dict[str, Digest]
    end: dict[str, Digest]
    steps: int
    runs: int


class Line(msgspec.Struct, frozen=True):
    """One record, its fact as stored."""

    position: int
    id: Id
    time: int
    kind: str
    version: int
    cause: str | None
    root: str | None
    fact: msgspec.Raw


def read(path: Path) -> tuple[Head, list[Record], list[bytes]]:
    """Return a recorded log."""
    first, *lines = gzip.decompress(path.read_bytes()).splitlines()
    found = [msgspec.json.decode(line, type=Line) for line in lines]
    data = [bytes(each.fact) for each in found]
    records = [
        Record(each.position, each.id, each.time, decode_fact(said, each.kind, each.version), each.cause, each.root)
        for each, said in zip(found, data, strict=True)
    ]
    return msgspec.json.decode(first, type=Head), records, data


def write(name: str, namespace: str, records: Sequence[Record]) -> None:
    """Write a log down with what it comes to."""
    # Tracebacks say where the tree lies, which is nobody's business.
    data = [each.data.replace(str(ROOT).encode(), b"/srv/ensue") for each in records]
    records = [replace(each, fact=decode_fact(said)) for each, said in zip(records, data, strict=True)]
    fold, half = WholeFold(namespace), len(records) // 2
    fold.page(records[:half], data[:half])
    middle = digests(fold)
    fold.page(records[half:], data[half:])
    fold.sound.end()
    assert not fold.sound.flaws
    head = Head(namespace, VERSION, middle, digests(fold), fold.sound.steps, fold.sound.runs)
    lines = [msgspec.json.encode(head)]
    for each, said in zip(records, data, strict=True):
        line = Line(each.position, each.id, each.time, each.kind, FORMAT, each.cause, each.root, msgspec.Raw(said))
        lines.append(msgspec.json.encode(line))
    CORPUS.mkdir(exist_ok=True)
    with (CORPUS / f"{name}{SUFFIX}").open("xb") as file:
        file.write(gzip.compress(b"\n".join(lines) + b"\n", mtime=0))


def digests(fold: WholeFold) -> dict[str, Digest]:
    """Return what every view comes down to."""
    return {**fold.queries.digests(), **fold.decisions()}


async def program() -> list[Record]:
    """Play the program of test_rebuild.py, with topics of which some could not be taken in."""
    async with played(MemoryKits()) as t:
        facts = (RecordParked("orders", 0, 11, "no JSON"), RecordsMissed("orders", 0, 12, 14))
        lost = tuple(draft(new_id(), each) for each in facts)
        await t.engine.store.offsets.ingest([Batch("orders", 0, 9, 14, (event("taken.in"), *lost))])
        return list(space_of(t.engine.store).records)


async def corrected() -> list[Record]:
    """Let much go wrong, and correct it."""
    corrections.CODE["broken"] = True
    async with MemoryKits()(corrections.program()) as t:
        for code in ("made", "asked", "left", "right", "sent", "sent", "other"):
            await t.emit(code, {"n": 7, "k": 1})
        await t.settle()
        corrections.CODE["broken"] = False
        again, engine = t.engine.corrections, t.engine
        await again.retry_runs([each.id async for each in engine.runs.all(outcome="failed")], author="ada")
        positions = [each.position async for each in engine.problems.all(kind="ConditionFailed")]
        await again.retry_conditions(sorted(positions), author="ada")
        failed = [each.id async for each in engine.invocations.all(status="FAILED")]
        await again.retry(failed, author="ada")
        await t.settle()
        others = [each.id async for each in engine.events.all(code="other")]
        await again.reemit(others, edit=lambda payload: {**payload, "n": 8}, author="ada")
        await t.settle()
        return list(space_of(engine.store).records)


def town(seed: int) -> list[Record]:
    """Let engines crash, pause, go back to older versions and come again."""
    world = World(seed)
    world.run()
    assert not world.wrong
    return [replace(each) for each in world.space.records]


def main(version: str) -> None:
    """Record every log."""
    write(f"{version}-program", "test", asyncio.run(program()))
    write(f"{version}-corrected", "test", asyncio.run(corrected()))
    for seed in TOWNS:
        write(f"{version}-town-{seed}", NAMESPACE, town(seed))


if __name__ == "__main__":
    logging.disable()
    main(sys.argv[1])
