"""Every planted bug can still be planted, and the suite notices: a few of them here, all of them by `make plant`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plant.bugs import BUGS, Bug
from tests.plant.planting import copy_tree, problem_of, try_bug

NOTICED = ("newest_pairs_first", "waits_for_missing_code", "redecided_after_unknown_commit", "attempt_ended_twice")
"""Bugs that are really planted here: four different parts, a few seconds each."""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_can_be_planted_in_one_place(bug: Bug) -> None:
    assert problem_of(bug) == ""


def test_bugs_have_names_of_their_own() -> None:
    assert len({each.name for each in BUGS}) == len(BUGS) >= 40


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, to plant in."""
    copy = tmp_path_factory.mktemp("tree")
    copy_tree(copy)
    return copy


@pytest.mark.parametrize("name", NOTICED)
def test_a_planted_bug_is_noticed(tree: Path, name: str) -> None:
    (bug,) = [each for each in BUGS if each.name == name]
    found = try_bug(bug, tree)
    assert found.verdict == "caught", found.by


def test_a_change_that_breaks_nothing_is_called_missed(tree: Path) -> None:
    harmless = Bug(
        "harmless", "none", "engine/ensue/scheduler/scheduler.py", "    # The loop.\n", "    # The very loop.\n",
        ("tests/engine/test_arguments.py",),
    )  # fmt: skip
    assert try_bug(harmless, tree).verdict == "missed"
