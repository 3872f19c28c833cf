"""Snapshots on the command line: taken, used, refused aloud."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Ensue
from tests.cli.test_corrections import live


def test_verify_and_replay_start_from_a_snapshot(shop: Ensue, tmp_path: Path) -> None:
    live(1)
    there = str(tmp_path / "kept")
    taken = shop("snapshot", "--directory", there, "--json").document
    assert Path(taken["path"]).stat().st_size == taken["bytes"]
    live(2)
    found = shop("verify", "--from-snapshot", "--directory", there, "--json").document
    assert (found["well"], found["since"]) == (True, taken["position"])
    whole = shop("verify", "--json").document
    assert (whole["since"], whole["views"]) == (0, found["views"])
    said = shop("verify", "--from-snapshot", "--directory", there)
    assert f"past the snapshot of position {taken['position']}" in " ".join(said.err.split())
    said = shop("verify", "--from-snapshot", "--directory", str(tmp_path / "nowhere"))
    assert (said.code, "fits: starting from the log's beginning" in " ".join(said.err.split())) == (0, True)
    said = shop("replay", "queries", "--from-snapshot", "--directory", there)
    assert (said.code, f"since the snapshot of position {taken['position']}" in said.err) == (0, True)
    (line,) = shop("replay", "queries", "--from-snapshot", "--directory", there, "--json").lines
    assert (line["since"], line["refused"]) == (taken["position"], [])


def test_a_snapshot_that_is_damaged_is_refused_aloud(shop: Ensue) -> None:
    live(1)
    taken = Path(shop("snapshot", "--json").document["path"])
    assert taken.parent.name.endswith("-snapshots")
    assert "snapshot of position" in shop("snapshot").err
    taken.write_bytes(taken.read_bytes()[:-1] + b"x")
    for command in (("verify",), ("replay", "queries")):
        said = shop(*command, "--from-snapshot")
        assert said.code == 0
        assert f"note: {taken} is not used: it is damaged" in " ".join(said.err.split())


def test_where_snapshots_are_must_be_said_for_other_stores(shop: Ensue) -> None:
    said = shop("snapshot", "--url", "postgresql://nobody@localhost:1/none")
    assert (said.code, "say with --directory where snapshots are kept" in said.err) == (2, True)
