"""What passes a filter, where paths lead, and what joins pair by."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ensue import contains, eq, exists, ge, gt, le, lt, ne, one_of, prefix
from ensue.filters import as_filter
from ensue_core.declarations import ByFunction, FunctionRef, Key
from ensue_projections.filters import (
    ANY_KEY,
    at_path,
    code_matches,
    equal,
    key_of,
    passes,
    type_matches,
)


def asks(user: Any, value: Any) -> bool:
    return passes(as_filter(user, "the filter", "here", none_is_value=True)[0], value)


@pytest.mark.parametrize(
    "user, value, answer",
    [
        # Subset.
        ({}, {"a": 1}, True),
        ({}, None, True),
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {}, False),
        ({"a": None}, {"a": None}, True),
        ({"a": None}, {}, False),
        ({"a": 1}, [1], False),
        ({"a": 1}, None, False),
        # Nested values compare whole, dotted keys are paths.
        ({"a": {"b": 1}}, {"a": {"b": 1}}, True),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, False),
        ({"a.b": 1}, {"a": {"b": 1, "c": 2}}, True),
        ({"a.b": 1}, {"a.b": 1, "a": {"b": 2}}, True),
        ({"a.b": 2}, {"a.b": 1, "a": {"b": 2}}, False),
        ({"a.b.c": 1}, {"a.b": {"c": 1}}, True),
        ({"a.b.c": 1}, {"a": {"b": 5}}, False),
        # Types.
        ({"a": 1}, {"a": True}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 0}, {"a": False}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": [1]}, {"a": [True]}, False),
        ({"a": {"b": [0]}}, {"a": {"b": [False]}}, False),
        # Whole values.
        (None, None, True),
        (None, 0, False),
        (2.5, 2.5, True),
        ("x", "x", True),
        ([1, 2], [1, 2.0], True),
        (eq({"a": 1}), {"a": 1}, True),
        (eq({"a": 1}), {"a": 1, "b": 2}, False),
        (gt(5), 6, True),
        # Operators.
        ({"n": gt(5)}, {"n": 5}, False),
        ({"n": ge(5)}, {"n": 5.0}, True),
        ({"n": lt(5)}, {"n": 4.5}, True),
        ({"n": le("b")}, {"n": "a"}, True),
        ({"n": gt(5)}, {"n": "6"}, False),
        ({"n": gt("5")}, {"n": 6}, False),
        ({"n": gt(0)}, {"n": True}, False),
        ({"n": lt(5)}, {"n": None}, False),
        ({"n": lt(5)}, {}, False),
        ({"n": ne(5)}, {"n": 6}, True),
        ({"n": ne(5)}, {"n": 5.0}, False),
        ({"n": ne(5)}, {}, False),
        ({"n": one_of(1, "a")}, {"n": "a"}, True),
        ({"n": one_of([1, 2])}, {"n": 2}, True),
        ({"n": one_of(1, 2)}, {"n": True}, False),
        ({"n": contains("b")}, {"n": "abc"}, True),
        ({"n": contains("b")}, {"n": ["a", "b"]}, True),
        ({"n": contains("b")}, {"n": {"b": 1}}, True),
        ({"n": contains(1)}, {"n": [True]}, False),
        ({"n": contains(1)}, {"n": "1"}, False),
        ({"n": contains("b")}, {"n": 5}, False),
        ({"n": exists()}, {"n": None}, True),
        ({"n": exists()}, {}, False),
        ({"n": exists(False)}, {}, True),
        ({"n": exists(False)}, {"n": None}, False),
        ({"n.m": exists(False)}, {"n": 1}, True),
        ({"n": prefix("ab")}, {"n": "abc"}, True),
        ({"n": prefix("ab")}, {"n": 5}, False),
    ],
)
def test_a_filter_says_what_passes(user: Any, value: Any, answer: bool) -> None:
    assert asks(user, value) is answer


def test_a_function_is_not_data() -> None:
    with pytest.raises(TypeError, match="m:f"):
        passes(ByFunction(FunctionRef("m:f")), 1)


def test_no_filter_lets_all_pass() -> None:
    filter_, functions = as_filter(None, "the filter", "here")
    assert passes(filter_, None)
    assert not functions


json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text("ab.", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.", max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(json, json)
def test_equality_is_symmetric_and_never_weaker_than_pythons(left: Any, right: Any) -> None:
    assert equal(left, left)
    assert equal(left, right) == equal(right, left)
    if equal(left, right):
        assert left == right


@given(json)
def test_a_value_passes_itself_as_a_whole(value: Any) -> None:
    assert asks(eq(value), value)
    assert not asks(ne(value), value)


@given(st.dictionaries(st.text("ab.", min_size=1, max_size=3), json, max_size=4), json)
def test_a_mapping_passes_itself_and_whatever_has_more(part: dict[str, Any], more: Any) -> None:
    assert asks(part, part)
    assert asks(part, {**part, "zzz": more})


operators = st.sampled_from([gt, ge, lt, le])


@given(operators, st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=2), json)
def test_comparing_never_raises(operator: Any, bound: Any, value: Any) -> None:
    assert asks({"x": operator(bound)}, {"x": value}) in (True, False)
    assert asks({"x": contains(bound)}, {"x": value}) in (True, False)


@given(json, st.text("ab.", max_size=6))
def test_a_path_never_raises_and_finds_literal_keys_first(value: Any, path: str) -> None:
    found, inner = at_path(value, path)
    if isinstance(value, dict) and path in value:
        assert (found, inner) == (True, value[path])
    if not found:
        assert inner is None


@given(json, json)
def test_keys_are_equal_exactly_where_values_are_the_same_text(left: Any, right: Any) -> None:
    path = Key("path", "k")
    one, other = key_of(path, {"k": left}), key_of(path, {"k": right})
    assert one is not None
    if one == other:
        assert equal(left, right)


@pytest.mark.parametrize(
    "one, other, same",
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (1, "1", False),
        (None, "null", False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ("*", 1, False),
        ("x" * 300, "x" * 300, True),
        ("x" * 300, "x" * 301, False),
    ],
)
def test_keys_are_type_strict(one: Any, other: Any, same: bool) -> None:
    path = Key("path", "k.l")
    assert (key_of(path, {"k": {"l": one}}) == key_of(path, {"k.l": other})) is same


def test_a_record_without_the_path_never_joins() -> None:
    assert key_of(Key("path", "k"), {"j": 1}) is None
    assert key_of(Key("path", "k"), None) is None
    assert key_of(Key("any"), None) == ANY_KEY
    assert key_of(Key("path", "k"), {"k": "*"}) != ANY_KEY
    assert len(key_of(Key("path", "k"), {"k": "x" * 9_999}) or "") < 64
    with pytest.raises(ValueError, match="invocation"):
        key_of(Key(), {})


def test_exception_types_match_bare_dotted_and_by_base_class() -> None:
    names = ("shop.errors.OutOfStock", "shop.errors.ShopError", "builtins.Exception")
    for wanted in (
        ["OutOfStock"],
        ["errors.OutOfStock"],
        ["shop.errors.ShopError"],
        ["Other", "Exception"],
        [],
    ):
        assert type_matches(wanted, names)
    for wanted in (["Stock"], ["other.errors.OutOfStock"], ["builtins.ShopError"], ["errors"]):
        assert not type_matches(wanted, names)


def test_a_family_has_its_codes() -> None:
    assert code_matches("orders.*", "orders.paid")
    assert code_matches("orders.*", "orders.eu.paid")
    assert not code_matches("orders.*", "orders")
    assert not code_matches("orders.*", "ordersx.paid")
    assert code_matches("orders", "orders")
    assert not code_matches("orders", "orders.paid")
