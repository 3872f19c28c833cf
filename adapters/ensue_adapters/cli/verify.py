"""`ensue verify`: is the log sound, and does every view say what the log says."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from ensue.replay.snapshots import Refused, Snapshots
from ensue.replay.verify import Verified
from ensue.replay.verify import verify as verify_archive
from ensue.stores import open_store
from ensue_adapters.cli.options import COMMON, Common, UsageError, engine_of, must_exist
from ensue_adapters.cli.output import (
    Column,
    counted,
    dim,
    print_gap,
    print_json,
    print_table,
    progress,
    say,
    worded,
)
from ensue_adapters.cli.process import settle_in
from ensue_adapters.sqlite.url import parse_url
from ensue_core.archive import Archive
from ensue_projections.whole import WholeFold

DIGEST_SHOWN = 16
"""How many digits of a digest people are shown; JSON has all."""


Directory = Annotated[Path | None, Parameter(help="Where snapshots are; beside a SQLite file by default.")]
FromSnapshot = Annotated[
    bool, Parameter(help="Start from the newest snapshot that fits, not from the log's beginning.", negative="")
]


async def verify(
    *, from_snapshot: FromSnapshot = False, directory: Directory = None, common: Common = COMMON
) -> int:  # fmt: skip
    """Fold the log again in memory and compare: writes nothing. Exit code 1 where something differs."""
    snapshots = snapshots_of(common, directory) if from_snapshot else None
    async with archive_of(common) as archive:

        async def start(upto: int) -> WholeFold | None:
            fold, refused = (None, []) if snapshots is None else await snapshots.start(archive, upto)
            tell_refused(refused)
            if snapshots is not None and fold is None:
                say(f"note: no snapshot in {snapshots.directory} fits: starting from the log's beginning")
            return fold

        with progress("verifying") as tell:
            found = await verify_archive(archive, tell, start=start)
    if common.json:
        print_json({"well": found.well, **_plain(found)})
    else:
        _show(found)
    return 0 if found.well else 1


async def snapshot(*, directory: Directory = None, common: Common = COMMON) -> None:
    """Write a snapshot of the views, sealed, so that a later verification or replay need not start at zero.

    It is taken only where the log is sound and the views are as it says.
    """
    snapshots = snapshots_of(common, directory)
    async with archive_of(common) as archive:
        with progress("verifying") as tell:
            taken = await snapshots.take(archive, tell)
    size = taken.path.stat().st_size
    if common.json:
        print_json({"path": str(taken.path), "position": taken.header.position, "bytes": size})
    else:
        say(f"snapshot of position {taken.header.position:,}: {taken.path} ({size:,} bytes)")


def snapshots_of(common: Common, directory: Path | None) -> Snapshots:
    """Return where snapshots of a store are kept."""
    engine = engine_of(common)
    if directory is None:
        url = engine.settings.url
        if not url.startswith("sqlite:"):
            raise UsageError("say with --directory where snapshots are kept: only a SQLite file has a place beside it")
        path = parse_url(url).path
        directory = path.with_name(f"{path.name}-snapshots")
    return Snapshots(directory, engine.namespace)


def tell_refused(refused: Sequence[Refused]) -> None:
    """Say which snapshots are not used."""
    for each in refused:
        say(f"note: {each.path} is not used: {each.why}")


@asynccontextmanager
async def archive_of(common: Common) -> AsyncGenerator[Archive, None]:
    """Open the store that a command names for reading alone, in a process that does nothing else."""
    settle_in()
    engine = engine_of(common)
    must_exist(engine.settings.url)
    archive = open_store(engine.settings.url, engine.namespace, engine.clock).archive()
    await archive.open()
    try:
        yield archive
    finally:
        await archive.close()


def _plain(found: Verified) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


def _show(found: Verified) -> None:
    columns = (
        Column("VIEW"), Column("ROWS", right=True), Column("VERDICT"), Column("DIGEST OF THE LOG"),
        Column("DIGEST OF THE VIEW"), Column("POSITION", right=True, wide=True),
    )  # fmt: skip
    rows = [
        (
            each.view, f"{each.folded.rows:,}", worded(each.verdict), Text(each.folded.sum[:DIGEST_SHOWN]),
            dim(each.live.sum[:DIGEST_SHOWN] if each.live is not None else ""), f"{each.position:,}",
        )
        for each in found.views
    ]  # fmt: skip
    print_table(columns, rows, empty="")
    if found.flaws:
        print_gap()
        flaws = [(f"{each.position:,}", each.kind, each.says) for each in found.flaws]
        print_table((Column("POSITION", right=True), Column("RECORD"), Column("FLAW", wraps=True)), flaws, empty="")
        if found.flaws_count > len(found.flaws):
            say(f"and {found.flaws_count - len(found.flaws):,} more")
    say(_summary(found))


def _summary(found: Verified) -> str:
    since = f" (checked past the snapshot of position {found.since:,})" if found.since else ""
    what = f"{counted(found.position, 'record')}{since}, {counted(found.steps, 'Step')}, {counted(found.runs, 'run')}"
    log = "the log is sound" if not found.flaws_count else f"the log has {counted(found.flaws_count, 'flaw')}"
    different = [each.view for each in found.views if each.verdict == "different"]
    missing = [each.view for each in found.views if each.verdict == "not folded"]
    if different:
        views = f"{', '.join(different)} differ from it: `ensue replay` folds them again"
    else:
        views = "every view says what it says" if not missing else "its query views are not folded yet"
    return f"{what}: {log}, {views}" if not found.flaws_count or different else f"{what}: {log}"
