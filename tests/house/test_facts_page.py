"""The page of facts names every fact, every field of each and every status, and nothing that is not there."""

from __future__ import annotations

import re
from typing import get_args

import msgspec
import pytest

from ensue_core import facts
from ensue_core.statuses import TRANSITIONS, Status
from tests.house.tree import ROOT

PAGE = (ROOT / "docs" / "guide" / "facts.md").read_text("utf-8")
FACTS: tuple[type[msgspec.Struct], ...] = get_args(facts.AnyFact)
NESTED = (facts.Through, facts.Participant, facts.Failure)


def sections(page: str) -> dict[str, str]:
    """Return the text below each heading of the third level."""
    found: dict[str, str] = {}
    for part in re.split(r"^## .*$", page, flags=re.MULTILINE):
        for section in re.split(r"^### ", part, flags=re.MULTILINE)[1:]:
            name, _, text = section.partition("\n")
            found[name.strip()] = text
    return found


def rows(text: str) -> list[list[str]]:
    """Return the cells of each row of a section's table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def documented(text: str) -> list[str]:
    """Return the fields that a section's table names, in order."""
    return [row[0].strip("`| ") for row in rows(text)]


def test_the_page_names_every_fact_in_the_order_of_the_code() -> None:
    assert len(FACTS) > 20
    assert list(sections(PAGE)) == [each.__name__ for each in FACTS]


@pytest.mark.parametrize("fact", FACTS, ids=[each.__name__ for each in FACTS])
def test_a_fact_is_described_field_by_field(fact: type[msgspec.Struct]) -> None:
    text = sections(PAGE)[fact.__name__]
    assert documented(text) == [field.name for field in msgspec.structs.fields(fact)]
    assert text.split("|", 1)[0].strip(), "the section does not say when it is appended"
    assert all(len(row) == 2 and row[1] for row in rows(text))


@pytest.mark.parametrize("struct", NESTED, ids=[each.__name__ for each in NESTED])
def test_what_facts_hold_is_named_too(struct: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(struct):
        assert f"`{field.name}`" in PAGE


def test_the_statuses_and_what_may_follow_are_those_of_the_code() -> None:
    _, _, text = PAGE.partition("## Statuses")
    found = {row[0].strip("| "): set(re.findall(r"[A-Z]{4,}", row[-1])) for row in rows(text)}
    assert found == {status.value: {each.value for each in TRANSITIONS[status]} for status in Status}


def test_a_missing_field_is_noticed() -> None:
    planted = "### Planted\n\nWhen.\n\n| field | meaning |\n|---|---|\n| `one` | first |\n| `two` | second |\n"
    assert documented(sections(planted)["Planted"]) == ["one", "two"]
    assert documented(sections(planted.replace("| `two` | second |\n", ""))["Planted"]) == ["one"]
