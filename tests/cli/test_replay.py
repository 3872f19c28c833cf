"""`ensue replay` folds views again, rolls back, and refuses what it does not know."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.cli.conftest import Ensue


def test_views_are_rebuilt_and_rolled_back(shop: Ensue, place: Path) -> None:
    shop("emit", "order.paid", '{"order": 1}')
    shop("events")
    with sqlite3.connect(place / "shop.db") as file:
        file.execute("UPDATE events SET matched = 5")
    file.close()
    said = shop("replay")
    assert said.code == 0
    assert "went live in" in said.err
    assert "events had differed, the one before is kept: --rollback" in said.err
    assert "decisions: 6 records folded, up to 6; all equal" in said.err
    assert shop("verify").code == 0
    said = shop("replay", "--rollback")
    assert "is live again" in said.err
    assert shop("verify").code == 1
    assert shop("replay", "queries", "--json").lines[0]["projection"] == "queries"
    assert shop("verify").code == 0


def test_what_cannot_be_replayed_is_one_sentence(shop: Ensue) -> None:
    for arguments, said, code in [
        (["event"], "there is no projection 'event': say queries or decisions", 2),
        (["decisions", "--rollback"], "--rollback is for queries", 2),
        (["--rollback"], "no earlier generation is kept", 1),
        (["--url", "sqlite:///none.db"], "there is no store at", 1),
    ]:
        found = shop("replay", *arguments)
        assert found.code == code
        assert said in found.err
        assert found.err.count("\n") == 1
