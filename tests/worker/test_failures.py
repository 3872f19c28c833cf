"""How exceptions are stored."""

from collections.abc import Callable

import pytest

from ensue.functions import qualified_name
from ensue.worker.failures import capture
from ensue_core.defaults import Defaults
from ensue_core.errors import BadValue
from ensue_core.facts import AttemptEnded, Failure, decode_fact, encode_fact
from ensue_core.ids import new_id


class Base(Exception):
    pass


class Leaf(Base, LookupError):
    pass


def caught(error: BaseException) -> BaseException:
    """Raise an exception from a user's frame, so that it has a traceback."""
    try:
        raise error
    except BaseException as again:
        return again


def test_the_type_and_its_bases_are_qualified_and_end_with_the_bare_name() -> None:
    failure = capture(caught(Leaf("gone")))
    assert (failure.type, failure.message) == (f"{__name__}.Leaf", "gone")
    assert [name.rpartition(".")[2] for name in failure.bases] == [
        "Base",
        "LookupError",
        "Exception",
        "BaseException",
    ]
    assert failure.bases[1] == "builtins.LookupError"


def test_names_are_those_that_on_exception_waits_for() -> None:
    here = type("Odd", (ValueError,), {"__module__": "__main__"})
    for error in (BadValue("ours"), Leaf("theirs"), KeyError("built in"), here("of the script")):
        assert capture(error).type == qualified_name(type(error))
    assert capture(BadValue("ours")).type == "ensue.BadValue"
    assert not capture(here("of the script")).type.startswith("__main__")


def test_the_traceback_shows_the_users_frames_only() -> None:
    failure = capture(caught(Leaf("gone")))
    assert "raise error" in failure.traceback
    assert "failures.py" not in failure.traceback.replace("test_failures.py", "")
    assert failure.traceback.endswith("Leaf: gone\n")


def test_a_long_text_and_a_deep_traceback_are_cut() -> None:
    def deeper(depth: int) -> None:
        if depth == 0:
            raise ValueError("x" * 100_000)
        deeper(depth - 1)

    with pytest.raises(ValueError, match="x") as raised:
        deeper(500)
    failure = capture(raised.value, Defaults(exception_text_max=100, traceback_text_max=2_000))
    assert failure.message == "x" * 100 + "... (cut)"
    assert len(failure.traceback) < 2_100


def test_causes_and_contexts_are_followed() -> None:
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise RuntimeError("second") from error
    except RuntimeError as error:
        text = capture(error).traceback
    assert text.index("KeyError") < text.index("which caused") < text.index("RuntimeError: second")


def test_an_exception_that_causes_itself_is_told_once() -> None:
    error = ValueError("round")
    other = ValueError("and round")
    error.__cause__, other.__cause__ = other, error
    assert capture(error).traceback.count("ValueError: round") == 1


def test_members_of_groups_are_shown_to_a_depth_of_three() -> None:
    group: Exception = ValueError("level 5")
    for level in (4, 3, 2, 1, 0):
        members: list[Exception] = [group, *(OSError(str(each)) for each in range(30))]
        group = ExceptionGroup(f"level {level}", members)
    text = capture(group).traceback
    assert [f"level {level}" in text for level in range(6)] == [True, True, True, True, False, False]
    assert "and 21 more" in text
    assert len(text) <= Defaults().traceback_text_max + 20


class Hostile(Exception):
    """Raises whatever is asked of it."""

    def __str__(self) -> str:
        raise SystemExit

    def __getattribute__(self, name: str) -> object:
        raise KeyboardInterrupt


class Liar(Exception):
    class Text(str):
        def __len__(self) -> int:
            raise MemoryError

    def __str__(self) -> str:
        return Liar.Text("short")


ODD: list[Callable[[], BaseException]] = [
    Hostile,
    Liar,
    lambda: ValueError("\ud800 \x00"),
    lambda: UnicodeDecodeError("utf8", b"\xff", 0, 1, ""),
]


@pytest.mark.parametrize("make", ODD, ids=str)
def test_whatever_an_exception_does_it_is_captured_and_can_be_stored(
    make: Callable[[], BaseException],
) -> None:
    error = make()
    failure = capture(error)
    assert failure.type.endswith(type(error).__name__)
    fact = AttemptEnded(new_id(), 1, "t", 1, "FAILED", failure=failure)
    assert decode_fact(encode_fact(fact)) == fact


def test_recursion_is_captured() -> None:
    def forever() -> None:
        forever()

    with pytest.raises(RecursionError) as raised:
        forever()
    failure = capture(raised.value)
    assert isinstance(failure, Failure)
    assert "forever" in failure.traceback
    assert len(failure.traceback) < 8_000
