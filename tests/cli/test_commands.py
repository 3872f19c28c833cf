"""What the commands print and return."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from ensue import __version__
from tests.cli.conftest import Ensue

ID = re.compile(r"[0-9a-f]{32}")


def test_version_and_help_go_to_stdout(ensue: Ensue) -> None:
    assert ensue("--version").out.strip() == __version__
    said = ensue("--help")
    assert said.code == 0
    for command in ("run", "declare", "emit", "events", "triggers", "trace", "tail", "config", "doctor"):
        assert command in said.out


def test_emit_prints_the_id_alone(shop: Ensue) -> None:
    said = shop("emit", "order.paid", '{"order": 7}')
    assert (said.code, said.err) == (0, "")
    assert ID.fullmatch(said.out.strip())


def test_emit_reads_payloads_from_files_and_stdin(shop: Ensue, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "order.json").write_text('{"order": 1}')
    first = shop("emit", "order.paid", "@order.json", "--json").document
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"order": 2}')))
    second = shop("emit", "order.paid", "-", "--json").document
    payloads = [shop("events", "show", each["id"], "--json").document["payload"] for each in (first, second)]
    assert payloads == [{"order": 1}, {"order": 2}]


def test_a_key_that_was_used_before_gives_the_first_event_and_says_so(shop: Ensue) -> None:
    first = shop("emit", "order.paid", '{"order": 7}', "--key", "k")
    again = shop("emit", "order.paid", '{"order": 7}', "--key", "k")
    assert again.out == first.out
    assert "used before" in again.err
    other = shop("emit", "order.paid", '{"order": 8}', "--key", "k")
    assert (other.code, other.out) == (1, "")
    assert "another payload" in other.err


def test_emit_carries_correlation_and_causation(shop: Ensue) -> None:
    id = shop("emit", "noise", "--correlation-id", "ticket-7", "--causation-id", "mail-3").out.strip()
    event = shop("events", "show", id, "--json").document
    assert (event["root"], event["cause"]) == ("ticket-7", "mail-3")


def test_lists_are_json_lines_and_tables_of_the_same(shop: Ensue) -> None:
    for order in range(3):
        shop("emit", "order.paid", f'{{"order": {order}}}')
    shop("emit", "noise")
    said = shop("events", "--json")
    assert [each["code"] for each in said.lines] == ["noise"] + ["order.paid"] * 3
    assert [each["id"] for each in said.lines] == ID.findall(shop("events", "list").out)
    assert len(shop("events", "--code", "order.*", "--json", "--all").lines) == 3
    assert shop("events", "--triggered", "--json").out == ""
    assert len(shop("events", "--no-triggered", "--since", "15m", "--json").lines) == 4


def test_a_page_says_how_to_go_on(shop: Ensue) -> None:
    for order in range(3):
        shop("emit", "order.paid", f'{{"order": {order}}}')
    first = shop("events", "--limit", "2", "--json")
    cursor = re.search(r"more: --cursor (\S+)", first.err)
    assert cursor is not None
    second = shop("events", "--limit", "2", "--json", "--cursor", cursor[1])
    assert second.err == ""
    assert len({each["id"] for each in first.lines + second.lines}) == 3


def test_a_table_elsewhere_than_on_a_terminal_has_no_colour_no_filling_and_whole_ids(shop: Ensue) -> None:
    shop("emit", "a.code.so.long.that.no.terminal.of.eighty.columns.has.room.for.it.and.for.the.id.beside.it")
    lines = shop("events").out.splitlines()
    assert "\x1b" not in "".join(lines)
    assert [line for line in lines if line != line.rstrip()] == []
    assert "for.the.id.beside.it" in lines[1]
    assert ID.search(lines[1])
    assert len({line.index(word) for line, word in ((lines[0], "ID"), (lines[1], ID.search(lines[1])[0]))}) == 1  # type: ignore[index]


def test_submit_creates_an_invocation_and_cancel_ends_it(shop: Ensue) -> None:
    id = shop("submit", "ship", '{"order": 7}').out.strip()
    shown = shop("invocations", "show", id, "--json").document
    assert (shown["status"], shown["arguments"]) == ("REGISTERED", {"order": 7})
    assert shop("invocations", "cancel", id, "--reason", "no").code == 0
    assert shop("invocations", "cancel", id).code == 1
    assert [each["status"] for each in shop("invocations", "--json").lines] == ["CANCELLED"]
    assert "CANCELLED" in shop("invocations", "show", id).out


def test_triggers_are_listed_paused_resumed_and_fired(shop: Ensue) -> None:
    assert [each["name"] for each in shop("triggers", "--json").lines] == ["notify/0", "ship/0", "tidy/0"]
    assert "event order.paid" in shop("triggers").out
    assert shop("triggers", "pause", "ship/0").err == "paused ship/0\n"
    assert "already" in shop("triggers", "pause", "ship/0").err
    shop("emit", "order.paid", '{"order": 7}')
    unsaid = shop("triggers", "resume", "ship/0")
    assert unsaid.code == 2
    assert "--from now to pass over" in unsaid.err
    assert shop("triggers", "list", "--state", "paused", "--json").lines[0]["name"] == "ship/0"
    assert shop("triggers", "resume", "ship/0", "--from", "catch-up").err == "resumed ship/0\n"
    fired = shop("triggers", "fire", "ship/0", '{"order": 3}', "--json").document
    run = shop("runs", "show", fired["run"], "--json").document
    assert run["arguments"] == {"order": 3}
    assert run["author"]
    assert "schedule 0 3 * * *" in shop("triggers", "show", "tidy/0").out


def test_a_namespace_is_paused_and_resumed(shop: Ensue) -> None:
    assert shop("pause", "--json").document == {"changed": ["main"]}
    assert "paused already" in shop("pause").err
    doctor = shop("doctor", "--json").document
    assert any("ensue resume" in each["says"] for each in doctor["findings"])
    assert shop("resume").code == 2
    assert shop("resume", "--from", "now").err == "resumed main\n"
    assert "nothing is paused" in shop("resume", "--from", "now").err


def test_a_trace_is_a_tree_and_a_document(shop: Ensue) -> None:
    run = shop("triggers", "fire", "ship/0", '{"order": 3}', "--json").document
    tree = shop("trace", "--last").out
    assert "trigger ship/0 fired by" in tree
    assert "task ship REGISTERED" in tree or "ship REGISTERED" in tree
    document = shop("trace", run["invocation"], "--json").document
    assert document["root"]["id"] == run["run"]
    assert document["root"]["children"][0]["target"] is True


def test_tail_shows_the_newest_records_and_stops_where_it_is_told(shop: Ensue) -> None:
    shop("emit", "one")
    shop("emit", "two")
    said = shop("tail", "--no-follow", "--last", "1", "--kind", "event-emitted", "--json")
    assert [each["fact"]["code"] for each in said.lines] == ["two"]
    assert [each["kind"] for each in shop("tail", "--no-follow", "--json", "--after", "0").lines][-1] == "EventEmitted"
    assert "EventEmitted" in shop("tail", "--no-follow").out
    assert shop("tail", "--no-follow", "--last", "0").out == ""


def test_config_shows_values_and_where_they_came_from(shop: Ensue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENSUE_ASYNC_SLOTS", "7")
    monkeypatch.setenv("ENSUE_SERVCE", "x")
    said = shop("config", "--json", "--app-id", "other")
    assert said.document["url"]["where"] == "of Engine(...) in shop_app:engine"
    assert said.document["async_slots"] == {
        "value": 7, "source": "environment", "where": "ENSUE_ASYNC_SLOTS", "variable": "ENSUE_ASYNC_SLOTS",
    }  # fmt: skip
    assert said.document["app_id"]["value"] == "other"
    assert said.document["app"]["source"] == "file"
    assert "did you mean ENSUE_SERVICE?" in said.err
    table = shop("config", "--changed").out
    assert "async_slots" in table
    assert "lease_seconds" not in table


def test_config_hides_passwords(ensue: Ensue) -> None:
    said = ensue("config", "--url", "postgresql://ada:secret@db/shop")
    assert "secret" not in said.out + said.err
    assert "ada:***@db" in said.out


def test_doctor_finds_a_healthy_store_well_and_a_missing_one_ill(shop: Ensue, place: Path) -> None:
    said = shop("doctor", "--json")
    assert said.code == 0
    assert said.document["well"] is True
    names = {each["name"] for each in said.document["findings"]}
    assert {"ensue", "store", "schema", "clock", "service main", "service main: lag", "projectors", "work"} <= names
    assert "none is live" in shop("doctor").out
    assert shop("doctor", "--url", f"sqlite:///{place}/none/x.db").code == 1


def test_doctor_says_what_is_undecided(shop: Ensue) -> None:
    shop("emit", "noise")
    assert "nothing is undecided" in shop("doctor").out
    shop("emit", "order.paid", '{"order": 7}')
    assert "1 record undecided" in shop("doctor").out


def test_looking_makes_no_store(ensue: Ensue, place: Path) -> None:
    said = ensue("events")
    assert said.code == 1
    assert "there is no store at" in said.err
    assert list(place.iterdir()) == []


def test_code_that_does_not_load_stops_only_what_needs_it(shop: Ensue, place: Path) -> None:
    (place / "pyproject.toml").write_text('[tool.ensue]\napp = "shop_gone:engine"\nurl = "sqlite:///shop.db"\n')
    said = shop("events")
    assert said.code == 0
    assert "going on without its code" in said.err
    assert shop("declare").code == 1
    (place / "pyproject.toml").write_text('[tool.ensue]\napp = "shop_gone:engine"\n')
    assert shop("events").code == 1
