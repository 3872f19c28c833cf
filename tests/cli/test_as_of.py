"""`--as-of` on what lists, shows and traces."""

from __future__ import annotations

from tests.cli.conftest import Ensue


def test_lists_and_details_show_the_past(shop: Ensue) -> None:
    first = shop("emit", "order.paid", '{"order": 1}', "--json").document
    shop("emit", "order.paid", '{"order": 2}')
    assert len(shop("events", "--json").lines) == 2
    assert [each["id"] for each in shop("events", "--json", "--as-of", str(first["position"])).lines] == [first["id"]]
    assert shop("events", "--as-of", "1d").err.strip() == "no events fit"
    assert len(shop("events", "--json", "--as-of", "2099-01-01").lines) == 2
    for command in (["runs"], ["invocations"], ["problems"], ["triggers"], ["triggers", "show", "ship/0"]):
        assert shop(*command, "--as-of", str(first["position"])).code == 0
    assert shop("events", "show", first["id"], "--as-of", str(first["position"])).code == 0
    assert shop("trace", first["id"], "--as-of", str(first["position"])).code == 0
    assert shop("trace", "--last", "--as-of", str(first["position"])).code == 0
    said = shop("events", "show", first["id"], "--as-of", "1")
    assert (said.code, "no event" in said.err) == (1, True)


def test_a_moment_that_cannot_be_meant_is_one_sentence(shop: Ensue) -> None:
    assert "position 999 is past the end of the log" in shop("events", "--as-of", "999").err
    assert "is no time" in shop("events", "--as-of", "yesterday").err
    assert shop("events", "--as-of", "yesterday").code == 2
