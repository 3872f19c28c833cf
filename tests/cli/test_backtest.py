"""`ensue backtest` reports to people, scripts and pull requests."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Ensue


@pytest.fixture
def past(shop: Ensue, place: Path) -> Ensue:
    """The command line where three orders have been shipped."""
    from ensue.loading import load_engine

    async def live() -> None:
        async with load_engine("shop_app:engine").running() as engine:
            for order in range(3):
                await (await engine.emit("order.paid", {"order": order})).settled(10)

    asyncio.run(live())
    stricter = PROGRAM.replace('on_event("order.paid")', 'on_event("order.paid", {"order": 1})')
    (place / "draft_app.py").write_text(stricter)
    return shop


def test_nothing_changes_where_nothing_was_changed(past: Ensue) -> None:
    said = past("backtest", "--fail-on-change")
    assert said.code == 0
    assert "6 runs of" in said.err
    assert "nothing would change" in said.err
    found = past("backtest", "--json").document
    assert (found["changes"], found["service"]) == (0, "main")
    assert {each["trigger"]: each["unchanged"] for each in found["triggers"]} == {
        "notify/0": 3, "ship/0": 3, "tidy/0": 0,
    }  # fmt: skip


def test_a_draft_is_compared_and_may_fail_a_build(past: Ensue) -> None:
    said = past("backtest", "draft_app:engine")
    assert said.code == 0
    assert "2 lost" in said.err
    said = past("backtest", "draft_app:engine", "--fail-on-change", "--markdown")
    assert said.code == 1
    assert "| `ship/0` | changed | 3 | 1 | 1 | 0 | 0 | 2 |" in said.out
    assert "payload order = 1: it was 0" in said.out
    assert past("backtest", "draft_app:engine", "--fail-on-change", "--trigger", "notify/0").code == 0
    sys.modules.pop("draft_app", None)


def test_what_cannot_be_backtested_is_one_sentence(shop: Ensue, place: Path) -> None:
    for arguments, said, code in [
        (["--trigger", "ship/9"], "no trigger 'ship/9'", 1),
        (["nowhere:engine"], "no module named 'nowhere'", 1),
        (["--json", "--markdown"], "choose one", 2),
        (["--since", "yesterday"], "is no time", 2),
    ]:
        found = shop("backtest", *arguments)
        assert found.code == code
        assert said in found.err
        assert found.err.count("\n") == 1
    (place / "pyproject.toml").write_text("")
    assert "no program is named" in shop("backtest").err
