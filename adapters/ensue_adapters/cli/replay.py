"""`ensue replay`: views folded again from the log, beside the live ones, and switched."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from ensue.replay.rebuild import Rebuilt, rebuild_decisions, rebuild_queries, roll_back
from ensue_adapters.cli.options import COMMON, Common, UsageError, engine_of, must_exist
from ensue_adapters.cli.output import Column, counted, dim, print_json_line, print_table, progress, say, worded
from ensue_adapters.cli.process import settle_in
from ensue_adapters.cli.verify import Directory, FromSnapshot, snapshots_of, tell_refused

PROJECTIONS = ("queries", "decisions")
DIGEST_SHOWN = 16


async def replay(
    *projections: Annotated[str, Parameter(help="queries (what lists show) or decisions; both by default.")],
    from_snapshot: FromSnapshot = False,
    directory: Directory = None,
    rollback: Annotated[bool, Parameter(help="Make the generation before live again.", negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Fold views again from the log while the engine runs. Never runs a task, never appends, never starts anything."""
    unknown = [each for each in projections if each not in PROJECTIONS]
    if unknown:
        raise UsageError(f"there is no projection {unknown[0]!r}: say {' or '.join(PROJECTIONS)}")
    if rollback and "decisions" in projections:
        raise UsageError("decisions have one generation, which is corrected in place: --rollback is for queries")
    wanted = projections or (("queries",) if rollback else PROJECTIONS)
    engine = engine_of(common)
    must_exist(engine.settings.url)
    snapshots = snapshots_of(common, directory) if from_snapshot else None
    settle_in()
    async with engine:
        archive = engine.store.archive()
        await archive.open()
        try:
            for each in wanted:
                with progress(f"folding {each}") as tell:
                    if rollback:
                        found = await roll_back(engine.store, archive, tell)
                    elif each == "queries":
                        found = await rebuild_queries(
                            engine.store, archive, tell, defaults=engine.defaults, snapshots=snapshots
                        )
                    else:
                        found, _ = await rebuild_decisions(engine.store, archive, tell)
                tell_refused(found.refused)
                _show(found, common, rollback=rollback)
        finally:
            await archive.close()
    return 0


def _show(found: Rebuilt, common: Common, *, rollback: bool) -> None:
    if common.json:
        print_json_line({name: getattr(found, name) for name in found.__struct_fields__})
        return
    columns = (
        Column("VIEW"), Column("ROWS", right=True), Column("VERDICT"), Column("DIGEST FOLDED"), Column("DIGEST BEFORE"),
    )  # fmt: skip
    rows = [
        (
            each.view, f"{each.folded.rows:,}", worded(each.verdict), Text(each.folded.sum[:DIGEST_SHOWN]),
            dim(each.live.sum[:DIGEST_SHOWN] if each.live is not None else ""),
        )
        for each in found.views
    ]  # fmt: skip
    if rows:
        print_table(columns, rows, empty="")
    say(_summary(found, rollback))


def _summary(found: Rebuilt, rollback: bool) -> str:
    pause = "" if found.pause_seconds is None else f" in {found.pause_seconds * 1000:.0f} ms"
    since = f" since the snapshot of position {found.since:,}" if found.since else ""
    folded = f"{counted(found.records, 'record')} folded{since}, up to {found.position:,}"
    if rollback:
        return f"{found.projection}: {folded}; generation {found.generation} is live again{pause}"
    if found.projection == "decisions":
        done = f"{', '.join(found.different)} differed and were folded again{pause}" if found.different else "all equal"
        return f"{found.projection}: {folded}; {done}"
    differed = f"; {', '.join(found.different)} had differed" if found.different else ""
    return (
        f"{found.projection}: {folded}; generation {found.generation} went live{pause}{differed}, "
        "the one before is kept: --rollback"
    )
