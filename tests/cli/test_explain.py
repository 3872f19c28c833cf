"""`ensue explain` answers in a sentence, and in JSON."""

from __future__ import annotations

from tests.cli.conftest import Ensue


def test_an_event_a_key_and_an_invocation_are_explained(shop: Ensue) -> None:
    event = shop("emit", "order.paid", '{"order": 1}', "--json").document["id"]
    found = shop("explain", "ship/0", "--event", event, "--json")
    assert found.code == 0
    assert found.document["verdict"] == "not asked"
    said = shop("explain", "notify/0", "--event", event)
    assert said.code == 0
    assert "notify/0 does not listen to it: it is event order.paid" in said.out
    said = shop("explain", "tidy/0", "--at", "1h")
    assert "verdict" in said.out
    submitted = shop("submit", "ship", '{"order": 2}', "--json").document["id"]
    assert "no worker has begun it" in shop("explain", "--invocation", submitted).out


def test_a_question_that_cannot_be_meant_ends_with_2_and_one_sentence(shop: Ensue) -> None:
    for arguments in ([], ["ship/0"], ["ship/0", "--key", "1", "--at", "1h"], ["ship/0", "--invocation", "0" * 32]):
        said = shop("explain", *arguments)
        assert said.code == 2
        assert said.err.count("\n") == 1
    assert "no trigger 'shop/0'" in shop("explain", "shop/0", "--key", "1").err
