"""Snapshots: every view as of a position, in a sealed file, so that verifying and rebuilding need not start at zero.

A snapshot is taken only of views that agree with the log. It says which log it is of and which folds made it; one that
is damaged, of another log or of other folds is refused, and the next older one is used.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import GenericAlias
from typing import Any
from urllib.parse import quote

import msgspec

from ensue.replay.sealed import SealedWriter, is_sealed, pieces
from ensue.replay.verify import PAGE, fold_to
from ensue_core.archive import QUERY_TABLES, Archive, Moment
from ensue_core.errors import StoreError
from ensue_core.ids import Id
from ensue_core.rows import ROW_TYPES, ChainRow, TimerRow, TopicRow, TriggerRow, WaitingRow, WorkRow
from ensue_projections.digests import Digest, Sum
from ensue_projections.queries import PROJECTION, VERSION
from ensue_projections.soundness import Memory
from ensue_projections.whole import WholeFold

__all__ = ["Header", "Refused", "Snapshot", "Snapshots"]

FORMAT = 1
OTHER_ROWS = "it does not hold the rows that it says"
_SUFFIX = ".snapshot"
_PIECE = 4_000
"""Rows in one piece of a file."""

Progress = Callable[[int, int], None]


class Header(msgspec.Struct, frozen=True):
    """What a snapshot is of: a namespace's log up to the record `id` at `position`, folded by `version`."""

    format: int
    namespace: str
    position: int
    id: Id
    version: int
    digests: dict[str, Digest]
    memory: Memory


class Refused(msgspec.Struct, frozen=True):
    """A snapshot that is not used, and why."""

    path: str
    why: str


class Snapshot(msgspec.Struct, frozen=True):
    """A snapshot that may be used."""

    path: Path
    header: Header

    async def fold(self) -> WholeFold:
        """Return a fold that stands where it does. Raises `StoreError` where the digests are of other rows."""
        header = self.header
        fold = WholeFold(header.namespace)
        fold.position = header.position
        async for table, rows in self.rows():
            fold.take(table, rows)
        fold.sound.remember(header.memory, header.position)
        if {**fold.queries.digests(), **fold.decisions()} != header.digests:
            raise StoreError(OTHER_ROWS)
        return fold

    async def rows(self) -> AsyncIterator[tuple[str, list[msgspec.Struct]]]:
        """Yield the views' rows in pieces."""
        with await asyncio.to_thread(self.path.open, "rb") as file:
            found = pieces(file)
            next(found)
            while (said := await asyncio.to_thread(next, found, None)) is not None:
                table, _, raw = said.partition(b"\n")
                name = table.decode()
                yield name, _DECODERS[name].decode(raw)


class Snapshots:
    """The snapshots of one namespace in a directory, by position."""

    def __init__(self, directory: Path, namespace: str) -> None:
        self.directory, self.namespace = directory, namespace

    async def newest(self, archive: Archive, upto: int | None = None) -> tuple[Snapshot | None, list[Refused]]:
        """Return the newest snapshot that fits the log (at most at a position), and those that were refused."""
        refused: list[Refused] = []
        for path in await asyncio.to_thread(self._paths):
            found = await asyncio.to_thread(_open, path)
            if isinstance(found, Refused):
                refused.append(found)
                continue
            why = await _unfit(found.header, archive)
            if why:
                refused.append(Refused(str(path), why))
            elif upto is None or found.header.position <= upto:
                return found, refused
        return None, refused

    async def start(self, archive: Archive, upto: int) -> tuple[WholeFold | None, list[Refused]]:
        """Return a fold that stands at the newest snapshot up to a position, and the snapshots that were refused.

        One whose rows are not what its header says is refused too.
        """
        refused: list[Refused] = []
        while True:
            found, more = await self.newest(archive, upto)
            refused += [each for each in more if each not in refused]
            if found is None:
                return None, refused
            try:
                return await found.fold(), refused
            except StoreError as error:
                refused.append(Refused(str(found.path), str(error)))
                upto = found.header.position - 1

    async def take(self, archive: Archive, progress: Progress | None = None) -> Snapshot:
        """Write a snapshot of the views as they stand, folding on from the newest one.

        Raises `StoreError` where the log has flaws, or the views are not as it says: nothing is written then.
        """
        async with archive.moment() as moment:
            position = _folded(moment)
        before, _ = await self.start(archive, position)
        fold = before or WholeFold(archive.namespace)
        await fold_to(archive, fold, position, PAGE, progress, position)
        # Only what came meanwhile is folded while a moment, which databases pay for, is held.
        async with archive.moment() as moment:
            position = _folded(moment)
            await fold_to(archive, fold, position, PAGE, progress, position)
            if fold.sound.count or fold.position != position:
                raise StoreError("the log has flaws, so no snapshot is taken: see `ensue verify`")
            return await self._write(archive, moment, fold)

    async def _write(self, archive: Archive, moment: Moment, fold: WholeFold) -> Snapshot:
        last = (await archive.read_at([fold.position]))[fold.position]
        digests = {**fold.queries.digests(), **fold.decisions()}
        header = Header(FORMAT, archive.namespace, fold.position, last.id, VERSION, digests, fold.sound.memory())
        path = self.directory / f"{self._stem}-{fold.position:015d}{_SUFFIX}"
        await asyncio.to_thread(self.directory.mkdir, parents=True, exist_ok=True)
        writing = await asyncio.to_thread(SealedWriter, path)
        try:
            writing.piece(msgspec.msgpack.encode(header))
            for table in QUERY_TABLES:
                total = Sum(table)
                async for rows in moment.rows(table):
                    total.add(rows)
                    await asyncio.to_thread(_write, writing, table, rows)
                if total.digest() != digests[table]:
                    raise StoreError(f"{table} differ from the log: run `ensue replay` before you take a snapshot")
            for name, found in fold.standing.rows().items():
                await asyncio.to_thread(_write, writing, name, found)
            await asyncio.to_thread(writing.seal)
        except BaseException:
            writing.give_up()
            raise
        return Snapshot(path, header)

    @property
    def _stem(self) -> str:
        """The namespace as part of a file's name, each its own."""
        return quote(self.namespace, safe="")

    def _paths(self) -> list[Path]:
        """Return the namespace's files, newest first."""
        return sorted(self.directory.glob(f"{self._stem}-{'[0-9]' * 15}{_SUFFIX}"), reverse=True)


def _folded(moment: Moment) -> int:
    """Return how far the live query views have folded."""
    cursor = moment.cursor
    if cursor is None or (cursor.projection, cursor.version) != (PROJECTION, VERSION) or not cursor.position:
        raise StoreError("the query views are not folded yet, so there is nothing to take a snapshot of")
    return cursor.position


async def _unfit(header: Header, archive: Archive) -> str:
    """Say why a snapshot is not of this log as these folds see it; nothing where it is."""
    if header.namespace != archive.namespace:
        return f"it is of namespace {header.namespace!r}"
    if header.version != VERSION:
        return f"it was folded by version {header.version} of the folds, these are version {VERSION}"
    record = (await archive.read_at([header.position])).get(header.position)
    if record is None or record.id != header.id:
        return f"it is of another log: record {header.position} is not the one it knows"
    return ""


def _open(path: Path) -> Snapshot | Refused:
    """Check a file's seal and read its header."""
    try:
        with path.open("rb") as file:
            if not is_sealed(file):
                return Refused(str(path), "it is damaged: its seal does not fit what it holds")
            said = next(pieces(file))
        number = msgspec.msgpack.decode(said, type=_Format).format
        if number > FORMAT:
            return Refused(str(path), f"it has format {number}, newer than this version reads")
        return Snapshot(path, msgspec.msgpack.decode(said, type=Header))
    except (OSError, StopIteration, zlib.error, ValueError, msgspec.MsgspecError) as error:
        return Refused(str(path), f"it cannot be read ({error})")


class _Format(msgspec.Struct, frozen=True):
    """What is read of a header before all else: later formats may hold anything else."""

    format: int


def _write(writing: SealedWriter, table: str, rows: Sequence[Any]) -> None:
    """Write rows of a view."""
    for start in range(0, len(rows), _PIECE):
        writing.piece(table.encode() + b"\n" + msgspec.msgpack.encode(rows[start : start + _PIECE]))


def _decoder(row: type[msgspec.Struct]) -> msgspec.msgpack.Decoder[list[msgspec.Struct]]:
    rows: Any = GenericAlias(list, (row,))
    return msgspec.msgpack.Decoder(rows)


_DECISIONS: dict[str, type[msgspec.Struct]] = {
    "chains": ChainRow, "triggers": TriggerRow, "timers": TimerRow,
    "waiting": WaitingRow, "work": WorkRow, "topics": TopicRow,
}  # fmt: skip
_DECODERS = {
    **{table: _decoder(row) for table, row in _DECISIONS.items()},
    **{table: _decoder(row) for table, (row, _) in ROW_TYPES.items()},
}
