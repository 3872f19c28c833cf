"""Corrections on the command line: a dry run first, then once."""

from __future__ import annotations

import asyncio

from ensue.loading import load_engine
from tests.cli.conftest import Ensue


def live(order: int) -> None:
    """Let the program ship an order; telling of it fails."""

    async def run() -> None:
        async with load_engine("shop_app:engine").running() as engine:
            await (await engine.emit("order.paid", {"order": order})).settled(10)

    asyncio.run(run())


def test_invocations_are_retried_by_filter_after_yes(shop: Ensue) -> None:
    live(1)
    said = shop("invocations", "retry", "--task", "notify")
    assert (said.code, "would be done" in said.out, "say --yes" in said.err) == (0, True, True)
    assert len(shop("invocations", "--task", "notify", "--json").lines) == 1
    (done,) = shop("invocations", "retry", "--task", "notify", "--yes", "--json").lines
    assert (done["done"], done["dry_run"]) == (True, False)
    found = shop("invocations", "--task", "notify", "--json").lines
    assert [each["id"] for each in found if each["status"] == "REGISTERED"] == [done["new"]]
    again = shop("invocations", "retry", done["id"], "--yes")
    assert (again.code, "called again before" in again.out) == (1, True)
    said = shop("invocations", "cancel", "--task", "notify")
    assert "1 would be done" in said.err
    assert shop("invocations", "cancel", "--task", "notify", "--yes").code == 0
    assert shop("verify").code == 0


def test_events_are_emitted_again_edited(shop: Ensue) -> None:
    event = shop("emit", "order.lost", '{"order": 1, "by": "post"}', "--json").document["id"]
    said = shop("events", "reemit", "--code", "order.*", "--merge", '{"order": 2, "by": null}')
    assert 'emitted again with {"order":2}' in said.out
    assert len(shop("events", "--json").lines) == 1
    (done,) = shop("events", "reemit", event, "--payload", '{"order": 3}', "--yes", "--json").lines
    assert shop("events", "show", done["new"], "--json").document["payload"] == {"order": 3}
    assert shop("events", "reemit", event, "--payload", '{"order": 3}', "--yes").code == 1
    assert len(shop("events", "--json").lines) == 2


def test_nothing_fits_and_runs_are_left_alone(shop: Ensue) -> None:
    live(1)
    assert shop("runs", "retry", "--trigger", "ship/0").err.strip() == "nothing fits"
    run = shop("runs", "--trigger", "ship/0", "--json").lines[0]["id"]
    said = shop("runs", "retry", run, "--yes")
    assert (said.code, "it fired" in said.out) == (1, True)
    assert shop("problems", "retry", "--trigger", "ship/0").err.strip() == "nothing fits"


def test_what_cannot_be_meant_is_one_sentence(shop: Ensue) -> None:
    for arguments, said, code in [
        (["events", "reemit"], "say which: ids, or options", 2),
        (["runs", "retry", "0" * 32, "--trigger", "ship/0"], "and not both", 2),
        (["events", "reemit", "0" * 32, "--payload", "1", "--merge", "{}"], "choose one", 2),
        (["events", "reemit", "0" * 32, "--merge", "1"], "takes a JSON object", 2),
        (["problems", "retry"], "say which: positions", 2),
        (["problems", "retry", "1"], "no failed condition at position '1'", 1),
        (["invocations", "retry", "0" * 32], "no invocation", 1),
    ]:
        found = shop(*arguments)
        assert found.code == code, arguments
        assert said in found.err
        assert found.err.count("\n") == 1
