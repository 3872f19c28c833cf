"""`ensue verify` tells people and scripts whether the log is sound and the views agree."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.cli.conftest import Ensue


def test_a_sound_store_verifies(shop: Ensue) -> None:
    assert shop("emit", "order.paid", '{"order": 1}').code == 0
    said = shop("verify")
    assert said.code == 0
    assert "the log is sound, its query views are not folded yet" in said.err
    assert shop("events").code == 0
    said = shop("verify")
    assert said.code == 0
    assert "1 Step, 0 runs: the log is sound, every view says what it says" in said.err
    assert [line.split()[:3] for line in said.out.splitlines()][1] == ["events", "1", "equal"]
    found = shop("verify", "--json").document
    assert found["well"] is True
    assert {each["verdict"] for each in found["views"]} == {"equal"}
    assert len(found["views"][0]["folded"]["sum"]) == 64


def test_a_view_that_differs_and_a_flaw_end_with_1(shop: Ensue, place: Path) -> None:
    assert shop("emit", "order.paid", '{"order": 1}').code == 0
    assert shop("events").code == 0
    with sqlite3.connect(place / "shop.db") as file:
        file.execute("UPDATE events SET matched = 5")
    file.close()
    said = shop("verify")
    assert said.code == 1
    assert "events differ from it" in said.err
    with sqlite3.connect(place / "shop.db") as file:
        file.execute("DROP TRIGGER log_no_delete")
        file.execute("DELETE FROM log WHERE position = 2")
    file.close()
    said = shop("verify")
    assert said.code == 1
    assert "follows record 1: the records between are missing" in said.out
    found = shop("verify", "--json")
    assert found.code == 1
    assert found.document["well"] is False
    assert found.document["flaws_count"] == len(found.document["flaws"])


def test_what_cannot_be_verified_is_one_sentence(shop: Ensue) -> None:
    for arguments, said in [
        (["--app-id", "other"], "has no namespace 'other' (it has 'default')"),
        (["--url", "sqlite:///none.db"], "there is no store at"),
        (["--url", "memory:"], "lives in the process that made it"),
    ]:
        found = shop("verify", *arguments)
        assert found.code == 1
        assert said in found.err
        assert found.err.count("\n") == 1
