"""Arguments on their way in and out of a task's signature."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ensue import Handle, Tasks
from ensue.program import TaskDefinition, assemble
from ensue_core.errors import ArgumentsMismatch, BadValue

tasks = Tasks()
SENTINEL = object()


class Kind(Enum):
    NEW = "new"


class Feed(msgspec.Struct):
    source: str
    count: int = 0


@dataclass
class Point:
    x: int
    y: int


@tasks.task
async def plain(a: Any, b: Any = 2, *, c: Any = None) -> Any:
    return a


@tasks.task
def typed(
    feed: Feed,
    point: Point | None = None,
    when: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    *,
    kind: Kind = Kind.NEW,
    price: Decimal = Decimal("1.50"),
    ids: tuple[UUID, ...] = (),
) -> Feed:
    return feed


NO_INT: Any = None
ONE = [1]


@tasks.task
def odd_defaults(a: int = NO_INT, b: object = SENTINEL, c: Any = (), d: list[int] = ONE) -> None: ...


@tasks.task
def handles(one: Handle[int], more: list[Handle[str]], maybe: Handle[bytes] | None = None) -> None: ...


@tasks.task
def open_ended(a: int, /, b: int = 2, **rest: float) -> None: ...


@tasks.task
def bounded(n: Annotated[int, msgspec.Meta(ge=0)]) -> None: ...


@tasks.task
def empty() -> int:
    return 1


PROGRAM = assemble([tasks])


def no_handles(id: str, type_: Any) -> Any:
    raise AssertionError


def handle(id: str) -> Handle[Any]:
    """Make a handle that belongs to no engine."""
    kind: type[Any] = Handle
    made: Handle[Any] = object.__new__(kind)
    made.id = id
    return made


def definition(task: Any) -> TaskDefinition:
    return PROGRAM.tasks[task.name]


def there_and_back(task: Any, *args: Any, **kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    found = definition(task)
    return found.decode(found.encode(args, kwargs), no_handles)


def test_arguments_are_bound_by_name_with_defaults() -> None:
    assert definition(plain).bind((1,), {}) == {"a": 1, "b": 2, "c": None}
    assert definition(plain).bind((1, 3), {"c": [1]}) == {"a": 1, "b": 3, "c": [1]}
    assert definition(plain).bind((), {"b": 3, "a": 1}) == {"a": 1, "b": 3, "c": None}
    assert definition(plain).encode((1,), {}) == definition(plain).check({"a": 1}) == b'{"a":1,"b":2,"c":null}'
    assert definition(empty).encode((), {}) == b"{}"


def test_typed_arguments_come_back_as_their_types() -> None:
    uid = UUID(int=7)
    args, kwargs = there_and_back(typed, Feed("rss"), Point(1, 2), ids=(uid,), price=Decimal("2.5"))
    assert args == [Feed("rss"), Point(1, 2), datetime(2026, 1, 1, tzinfo=UTC)]
    assert kwargs == {"kind": Kind.NEW, "price": Decimal("2.5"), "ids": (uid,)}
    assert there_and_back(typed, {"source": "x"})[0][0] == Feed("x")


def test_defaults_that_json_would_change_are_left_to_the_function() -> None:
    found = definition(odd_defaults)
    assert found.encode((), {}) == b'{"d":[1]}'
    args, _ = found.decode(b"{}", no_handles)
    assert args[0] is None
    assert args[1] is SENTINEL
    assert args[2] == ()
    assert found.with_defaults({}) == {"a": None, "c": [], "d": [1]}
    assert found.with_defaults({"a": 5})["a"] == 5


def test_recorded_arguments_may_lack_a_parameter_with_a_default() -> None:
    assert definition(plain).decode(b'{"a":1}', no_handles) == ([1, 2], {"c": None})
    assert definition(plain).with_defaults({"a": 1}) == {"a": 1, "b": 2, "c": None}


DO_NOT_FIT: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
    (plain, (), {}, "'a' is missing"),
    (plain, (1, 2, 3), {}, "3 positional arguments for 2"),
    (plain, (1,), {"a": 2}, "given twice"),
    (plain, (1,), {"q": 2}, "no parameter 'q'"),
    (empty, (1,), {}, "it takes none"),
    (typed, (3,), {}, "'feed': expected `object`, got `int`"),
    (typed, (Feed("x"),), {"kind": "old"}, "'kind'"),
    (typed, ({"source": 1},), {}, "'feed.source'"),
    (bounded, (-1,), {}, "'n'"),
    (open_ended, (1,), {"x": "y"}, "float"),
    (handles, ("zz", []), {}, "invocation's id"),
    (handles, (3, []), {}, "invocation's id"),
]


@pytest.mark.parametrize("task, args, kwargs, why", DO_NOT_FIT)
def test_arguments_that_do_not_fit_are_refused(task: Any, args: Any, kwargs: Any, why: str) -> None:
    with pytest.raises(ArgumentsMismatch) as caught:
        definition(task).encode(args, kwargs)
    assert why in str(caught.value)
    assert f"'{task.name}'" in str(caught.value)


@pytest.mark.parametrize("arguments", [None, [1], "x", {1: 2}, 3])
def test_a_provider_must_give_a_mapping_by_name(arguments: Any) -> None:
    with pytest.raises(ArgumentsMismatch, match="mapping"):
        definition(plain).check(arguments)


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], object(), "x" * 2_000_000])
def test_values_that_cannot_be_stored_are_refused(value: Any) -> None:
    with pytest.raises(BadValue, match="arguments of plain"):
        definition(plain).encode((value,), {})
    with pytest.raises(BadValue, match="result of plain"):
        definition(plain).encode_result(value)


def test_deep_values_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(BadValue, match="nested"):
        definition(plain).encode((deep,), {})


@pytest.mark.parametrize("raw", [b'{"x":1}', b"[1]", b"{}", b'{"feed":3}', b"nonsense", b""])
def test_recorded_arguments_that_do_not_fit_are_refused(raw: bytes) -> None:
    with pytest.raises(ArgumentsMismatch, match="'typed'"):
        definition(typed).decode(raw, no_handles)


def test_handles_travel_as_ids_and_come_back_as_handles() -> None:
    found = definition(handles)
    ids = [str(n) * 32 for n in range(1, 4)]
    raw = found.encode((handle(ids[0]), [handle(ids[1]), ids[2]]), {})
    assert found.handle_parameters == ("one", "more", "maybe")
    made: list[tuple[str, Any]] = []

    def make(id: str, type_: Any) -> Any:
        made.append((id, type_))
        return handle(id)

    args, _ = found.decode(raw, make)
    assert made == [(ids[0], int), (ids[1], str), (ids[2], str)]
    assert args[0].id == ids[0]
    assert args[2] is None


def test_open_ended_signatures_keep_what_they_do_not_name() -> None:
    assert there_and_back(open_ended, 1, 2, x=3, y=4.5) == ([1, 2], {"x": 3.0, "y": 4.5})
    assert definition(open_ended).check({"a": 1, "z": 2}) == b'{"a":1,"b":2,"z":2}'
    assert dict(open_ended.args(1, z=3)) == {"a": 1, "z": 3}


def test_prepared_arguments_hold_what_was_given() -> None:
    loose: Any = plain
    assert dict(plain.args(1, c=3)) == {"a": 1, "c": 3}
    assert plain.args(1).kwargs == {"a": 1}
    with pytest.raises(ArgumentsMismatch, match="no parameter 'z'"):
        loose.args(1, z=3)


def test_results_come_back_as_annotated() -> None:
    assert definition(typed).decode_result(definition(typed).encode_result(Feed("a", 1))) == Feed("a", 1)
    assert definition(plain).decode_result(b'{"a":[1]}') == {"a": [1]}
    assert definition(bounded).decode_result(b"5") == 5
    with pytest.raises(BadValue, match="result of typed"):
        definition(typed).decode_result(b"5")


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json, json, json)
def test_unannotated_arguments_come_back_as_they_went(a: Any, b: Any, c: Any) -> None:
    assert there_and_back(plain, a, b, c=c) == ([a, b], {"c": c})
