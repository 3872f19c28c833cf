"""What pages point to is there: each link, and each source file that ARCHITECTURE.md names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, modules, shown

PAGES = [path for path in files() if path.suffix == ".md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
SOURCE = re.compile(r"`([\w/]+\.py)`")


def dead_links(page: Path, text: str) -> list[str]:
    """Return the links of a page that lead nowhere, in the tree or on another page."""
    dead: list[str] = []
    for link in LINK.findall(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, place = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (place and path.suffix == ".md" and place not in anchors(path.read_text("utf-8"))):
            dead.append(link)
    return dead


def anchors(text: str) -> set[str]:
    """Return the names by which a page's headings are linked."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=[shown(page) for page in PAGES])
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert dead_links(page, page.read_text("utf-8")) == []


def test_a_dead_link_is_noticed() -> None:
    page = ROOT / "README.md"
    assert dead_links(page, "[a](no-such-page.md) [b](ARCHITECTURE.md#no-such-heading)") == [
        "no-such-page.md",
        "ARCHITECTURE.md#no-such-heading",
    ]
    assert dead_links(page, "[a](ARCHITECTURE.md#the-ring) [b](https://example.com/x)") == []


def test_every_guide_page_and_decision_is_linked() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    index = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")
    guide = [path for path in PAGES if path.parent == ROOT / "docs" / "guide"]
    decisions = [path for path in PAGES if path.parent == ROOT / "docs" / "decisions" and path.name != "README.md"]
    assert guide
    assert decisions
    assert [shown(path) for path in guide if f"({shown(path)})" not in readme] == []
    assert [shown(path) for path in decisions if f"({path.name})" not in index] == []


def test_every_file_that_the_architecture_names_is_there() -> None:
    named = SOURCE.findall((ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert len(named) > 20
    known = [f"/{shown(module.path)}" for module in modules()]
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in known)] == []


def test_every_test_that_a_page_names_is_there() -> None:
    named = {each for page in PAGES for each in TEST.findall(page.read_text("utf-8"))}
    assert len(named) > 10
    wrong = [
        f"{path}::{name}"
        for path, name in sorted(named)
        if not (ROOT / path).is_file() or f"def {name}(" not in (ROOT / path).read_text("utf-8")
    ]
    assert wrong == []
