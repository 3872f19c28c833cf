"""A snapshot gives what a fold from the beginning gives; one that is not whole, or not of this log, is refused."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from ensue.replay import snapshots as snapshots_module
from ensue.replay.rebuild import Beside, rebuild_queries
from ensue.replay.sealed import SealedWriter, pieces
from ensue.replay.snapshots import OTHER_ROWS, Refused, Snapshot, Snapshots
from ensue.replay.verify import Verified, verify
from ensue.testing import Kit
from ensue_core.archive import Archive, Moment
from ensue_core.defaults import DEFAULTS
from ensue_core.errors import StoreError
from ensue_core.generations import Generation
from ensue_core.rows import InvocationRow
from ensue_projections.queries import VERSION
from ensue_projections.whole import WholeFold
from tests.engine.kits import MemoryKits, OpenKit
from tests.replay.kits import archive_of, played, space_of, verified


async def take(t: Kit, snapshots: Snapshots) -> int:
    async with archive_of(t.engine.store) as archive:
        return (await snapshots.take(archive)).header.position


async def from_snapshot(t: Kit, snapshots: Snapshots) -> tuple[Verified, list[str]]:
    """Verify from the newest snapshot; return why others were refused, too."""
    why: list[str] = []
    async with archive_of(t.engine.store) as archive:

        async def start(upto: int) -> WholeFold | None:
            fold, refused = await snapshots.start(archive, upto)
            why.extend(each.why for each in refused)
            return fold

        return await verify(archive, start=start, page_records=7), why


def folded(found: Verified) -> list[object]:
    return [(each.view, each.folded) for each in found.views]


class At:
    """An archive whose moments are those of a generation that stands somewhere else than the live one."""

    def __init__(self, archive: Archive, generation: Generation) -> None:
        self._archive, self._generation = archive, generation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._archive, name)

    def moment(self, _: object = None) -> AbstractAsyncContextManager[Moment]:
        """See everything as of the generation."""
        return self._archive.moment(self._generation)


async def test_verification_goes_on_from_a_snapshot_anywhere(open_kit: OpenKit, tmp_path: Path) -> None:
    """Snapshots are taken at many positions, in the middle of Steps too, and each gives what the whole log gives."""
    async with played(open_kit) as t:
        store = t.engine.store
        whole = await verified(store)
        beside = await store.generations.begin()
        views = store.generations.views(beside)
        async with archive_of(store) as archive:
            fold = Beside(store, archive, views, 1, DEFAULTS, None, None)
            for position in range(3, whole.position, 11):
                await fold.to(position)
                snapshots = Snapshots(tmp_path / str(position), "test")
                generation = replace(beside, cursor=(await store.generations.all())[-1].cursor)
                taken = await snapshots.take(cast("Archive", At(archive, generation)))
                assert taken.header.position == position
                found, refused = await from_snapshot(t, snapshots)
                assert refused == []
                assert (found.since, found.flaws, found.well) == (position, (), True)
                assert folded(found) == folded(whole)
                assert (found.steps, found.runs) == (whole.steps, whole.runs)


async def test_a_rebuild_starts_from_a_snapshot(open_kit: OpenKit, tmp_path: Path) -> None:
    async with played(open_kit) as t:
        store, snapshots = t.engine.store, Snapshots(tmp_path / "s", "test")
        at = await take(t, snapshots)
        await t.emit("a", {"k": 1, "n": 3})
        await t.engine.events.list()
        async with archive_of(store) as archive:
            found = await rebuild_queries(store, archive, snapshots=snapshots)
            assert found.records <= found.position - at
            assert {each.verdict for each in found.views} == {"equal"}
        assert (await verified(store)).well


async def test_a_damaged_snapshot_is_refused_and_the_next_older_used(open_virtual: OpenKit, tmp_path: Path) -> None:
    async with played(open_virtual) as t:
        snapshots = Snapshots(tmp_path, "test")
        first = await take(t, snapshots)
        await t.emit("a", {})
        await t.engine.events.list()
        second = await take(t, snapshots)
        assert second > first
        older, newer = (tmp_path / name for name in sorted(os.listdir(tmp_path)))
        whole = newer.read_bytes()
        for at in (0, 20, len(whole) // 2, len(whole) - 1):
            newer.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            found, refused = await from_snapshot(t, snapshots)
            assert (found.since, found.well) == (first, True)
            assert refused == ["it is damaged: its seal does not fit what it holds"]
        for size in (0, 10, 40, len(whole) - 1):
            newer.write_bytes(whole[:size])
            assert (await from_snapshot(t, snapshots))[0].since == first
        older.unlink()
        newer.write_bytes(b"something else entirely, but long enough to hold a seal of its own bytes")
        found, refused = await from_snapshot(t, snapshots)
        assert (found.since, len(refused), found.well) == (0, 1, True)


def reseal(path: Path, without: bytes) -> None:
    """Write a snapshot again, well sealed, without the rows of a view."""
    with path.open("rb") as file:
        said = list(pieces(file))
    writing = SealedWriter(path)
    for each in said:
        if not each.startswith(without):
            writing.piece(each)
    writing.seal()


@pytest.mark.parametrize("view", [b"attempts\n", b"triggers\n"])
async def test_a_snapshot_whose_rows_are_not_its_digests_is_refused(
    open_virtual: OpenKit, tmp_path: Path, view: bytes
) -> None:
    async with played(open_virtual) as t:
        store, snapshots = t.engine.store, Snapshots(tmp_path, "test")
        first = await take(t, snapshots)
        await t.emit("a", {})
        await t.engine.events.list()
        assert await take(t, snapshots) > first
        newer = tmp_path / max(os.listdir(tmp_path))
        reseal(newer, view)
        found, refused = await from_snapshot(t, snapshots)
        assert (found.since, found.well, refused) == (first, True, [OTHER_ROWS])
        if view == b"attempts\n":
            async with archive_of(store) as archive:
                rebuilt = await rebuild_queries(store, archive, snapshots=snapshots)
            assert (rebuilt.since, rebuilt.different) == (first, ())
            assert [each.why for each in rebuilt.refused] == [OTHER_ROWS]
            assert (await verified(store)).well


async def test_a_rebuild_that_broke_while_it_was_filled_begins_anew(open_kit: OpenKit, tmp_path: Path) -> None:
    async with played(open_kit) as t:
        store, snapshots = t.engine.store, Snapshots(tmp_path / "s", "test")
        at = await take(t, snapshots)
        before = await verified(store)

        class Torn(Snapshot, frozen=True):
            async def rows(self) -> AsyncIterator[tuple[str, list[Any]]]:
                async for table, rows in Snapshot.rows(self):
                    if table == "attempts":
                        raise ConnectionError("the power is gone")
                    yield table, rows

        newest = snapshots.newest

        async def torn(archive: Archive, upto: int | None = None) -> tuple[Snapshot | None, list[Refused]]:
            found, refused = await newest(archive, upto)
            assert found is not None
            return Torn(found.path, found.header), refused

        async with archive_of(store) as archive:
            setattr(snapshots, "newest", torn)  # noqa: B010
            with pytest.raises(ConnectionError):
                await rebuild_queries(store, archive, snapshots=snapshots)
            assert await verified(store) == before
            setattr(snapshots, "newest", newest)  # noqa: B010
            found = await rebuild_queries(store, archive, snapshots=snapshots)
        assert (found.since, found.different) == (at, ())
        assert await verified(store) == before


async def test_a_snapshot_of_a_newer_format_is_refused(
    open_virtual: OpenKit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with played(open_virtual) as t:
        monkeypatch.setattr(snapshots_module, "FORMAT", 2)
        await take(t, Snapshots(tmp_path, "test"))
        monkeypatch.undo()
        found, refused = await from_snapshot(t, Snapshots(tmp_path, "test"))
        assert (found.since, refused) == (0, ["it has format 2, newer than this version reads"])


async def test_a_snapshot_of_a_snapshot_is_that_of_the_whole_log(open_kit: OpenKit, tmp_path: Path) -> None:
    """Folding on from an older one gives the file that folding everything gives."""
    async with played(open_kit) as t:
        one, other = Snapshots(tmp_path / "one", "test"), Snapshots(tmp_path / "other", "test")
        await take(t, one)
        await t.emit("a", {"k": 1, "n": 3})
        await t.engine.events.list()
        position = await take(t, one)
        assert await take(t, other) == position
        name = f"test-{position:015d}.snapshot"
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


async def test_a_snapshot_of_another_log_or_of_other_folds_is_refused(
    open_virtual: OpenKit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots = Snapshots(tmp_path, "test")
    async with played(open_virtual) as t:
        position = await take(t, snapshots)
        assert (await from_snapshot(t, snapshots))[0].since == position
        monkeypatch.setattr(snapshots_module, "VERSION", 99)
        found, refused = await from_snapshot(t, snapshots)
        assert (found.since, f"version {VERSION} of the folds" in refused[0]) == (0, True)
        monkeypatch.undo()
    async with played(MemoryKits()) as t:
        while (await t.engine.store.log.head()).position <= position:
            await t.emit("b", {})
        await t.engine.events.list()
        found, refused = await from_snapshot(t, snapshots)
        assert (found.since, found.well) == (0, True)
        assert "it is of another log" in refused[0]


async def test_a_snapshot_past_the_log_s_end_is_refused(open_virtual: OpenKit, tmp_path: Path) -> None:
    """A backup that was restored is a shorter log, and what comes after differs from what came."""
    async with played(open_virtual) as t:
        position = await take(t, Snapshots(tmp_path, "test"))
        space = space_of(t.engine.store)
        lost = space.records.pop()
        _, refused = await from_snapshot(t, Snapshots(tmp_path, "test"))
        assert refused == [f"it is of another log: record {position} is not the one it knows"]
        space.records.append(lost)


async def test_nothing_is_taken_of_views_that_are_not_as_the_log_says(open_virtual: OpenKit, tmp_path: Path) -> None:
    async with played(open_virtual) as t:
        snapshots, space = Snapshots(tmp_path, "test"), space_of(t.engine.store)
        rows = space.views.tables["invocations"].rows
        key, row = next(iter(rows.items()))
        assert isinstance(row, InvocationRow)
        rows[key] = replace(row, attempts=77)
        with pytest.raises(StoreError, match="invocations differ from the log: run `ensue replay`"):
            await take(t, snapshots)
        rows[key] = row
        record = space.records[5]
        space.records[5] = replace(record, time=0)
        with pytest.raises(StoreError, match="the log has flaws"):
            await take(t, snapshots)
        space.records[5] = record
        assert os.listdir(tmp_path) == []
        await take(t, snapshots)
        assert len(os.listdir(tmp_path)) == 1


async def test_views_that_were_never_folded_give_no_snapshot(open_virtual: OpenKit, tmp_path: Path) -> None:
    async with played(open_virtual) as t:
        await t.engine.store.views.drop()
        with pytest.raises(StoreError, match="not folded yet"):
            await take(t, Snapshots(tmp_path, "test"))


async def test_each_namespace_has_snapshots_of_its_own(open_virtual: OpenKit, tmp_path: Path) -> None:
    async with played(open_virtual) as t:
        await take(t, Snapshots(tmp_path, "test"))
        found, refused = await from_snapshot(t, Snapshots(tmp_path, "tes"))
        assert (found.since, refused) == (0, [])
