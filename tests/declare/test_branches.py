"""Composition: `&`, `|` and builders become branches."""

from typing import Any

import pytest

from ensue import TriggerBuilder, on_cron, on_event, on_status, on_success
from ensue.declare import DeclaredTrigger, declare
from ensue.tasks import TriggerLike
from ensue_core.declarations import Key, OnEvent, TriggerSpec
from ensue_core.errors import BadDuration, DeclarationError, EmptyTrigger, JoinWithoutKey

DAY = 86_400_000_000


def spec_of(trigger: TriggerLike) -> TriggerSpec:
    return declared(trigger).spec


def declared(trigger: TriggerLike) -> DeclaredTrigger:
    return declare("shop.react", 0, trigger.rule)


def event(code: str) -> Any:
    return on_event(code).by("id")


def codes(trigger: TriggerLike) -> list[str]:
    """Write branches as event codes: `["ab", "c"]`."""
    spec = spec_of(trigger)
    found: list[str] = []
    for branch in spec.branches:
        conditions = [spec.conditions[name] for name in branch.conditions]
        found.append("".join(each.code for each in conditions if isinstance(each, OnEvent)))
    return found


a, b, c, d = (event(code) for code in "abcd")


@pytest.mark.parametrize(
    "trigger, branches",
    [
        (a, ["a"]),
        (a & b, ["ab"]),
        (a | b, ["a", "b"]),
        (a & b & c, ["abc"]),
        (a & (b | c), ["ab", "ac"]),
        ((a | b) & (c | d), ["ac", "ad", "bc", "bd"]),
        ((a & b) | c, ["ab", "c"]),
        (a | (b & (c | d)), ["a", "bc", "bd"]),
        (a & a, ["a"]),
        (a | a, ["a"]),
        ((a & b) | (b & a), ["ab"]),
        (a & b & a, ["ab"]),
        ((a | b) & (a | b), ["a", "ab", "b"]),
        (TriggerBuilder().on_event("a").by("id").on_event("b").by("id"), ["ab"]),
        (TriggerBuilder().on_event("a").on_event("b").with_logic("or"), ["a", "b"]),
        (TriggerBuilder().on_event("a").on_event("b").with_logic("OR"), ["a", "b"]),
    ],
)
def test_nested_forms_become_branches_in_declaration_order(trigger: Any, branches: list[str]) -> None:
    assert codes(trigger) == branches


def test_equal_conditions_of_one_trigger_share_an_id() -> None:
    spec = spec_of((a & b) | (a & c))
    assert len(spec.conditions) == 3
    assert spec.branches[0].conditions[0] == spec.branches[1].conditions[0]


def test_the_order_of_statuses_does_not_matter() -> None:
    one = spec_of(on_status("t", ["SUCCESS", "failed", "FAILED"]))
    other = spec_of(on_status("t", ["FAILED", "success"]))
    assert one.conditions == other.conditions


def test_a_window_bounds_the_joins_of_its_composite() -> None:
    spec = spec_of(((a & b).within("5m") | (c & d) | a).within("1h"))
    assert [branch.within for branch in spec.branches] == [300_000_000, 3_600_000_000, DAY]


def test_a_window_has_a_default() -> None:
    assert spec_of(a & b).branches[0].within == DAY


def test_a_window_inside_a_join_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"shop\.react.*inside a larger join"):
        spec_of((a & b).within("5m") & c)


@pytest.mark.parametrize("duration", [0, -1, "5 minutes", "0s", None.__class__, True, [], float("nan")])
def test_a_window_that_is_none_is_refused(duration: Any) -> None:
    with pytest.raises(BadDuration, match=r"shop\.react"):
        spec_of((a & b).within(duration))


def test_a_window_without_a_join_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"shop\.react.*nothing to join"):
        spec_of((a | b).within("5m"))
    with pytest.raises(DeclarationError, match=r"shop\.react.*nothing to join"):
        spec_of(TriggerBuilder().on_event("a").within("5m"))


def test_too_many_alternatives_are_refused() -> None:
    wide = on_event("e0").by("x") | on_event("e1").by("x")
    for n in range(2, 66):
        wide = wide | on_event(f"e{n}").by("x")
    with pytest.raises(DeclarationError, match=r"shop\.react.*66 alternatives"):
        spec_of(wide)
    four = a | b | c | d
    with pytest.raises(DeclarationError, match=r"shop\.react.*256 alternatives"):
        spec_of((four & four) & (four & four))


def test_a_long_chain_needs_no_stack() -> None:
    long = on_event("e").by("x") & on_event("f").by("x")
    for _ in range(5_000):
        long = long & on_event("e").by("x")
    assert codes(long) == ["ef"]


def test_an_empty_builder_is_refused() -> None:
    with pytest.raises(EmptyTrigger, match=r"shop\.react"):
        spec_of(TriggerBuilder())


@pytest.mark.parametrize("word", ["xor", "", None, 3])
def test_a_bad_logic_word_is_refused(word: Any) -> None:
    with pytest.raises(DeclarationError, match=r"shop\.react.*with_logic"):
        spec_of(TriggerBuilder().on_event("a").on_event("b").with_logic(word))


def test_python_words_do_not_combine() -> None:
    with pytest.raises(DeclarationError, match="&"):
        _ = a and b
    with pytest.raises(DeclarationError, match="&"):
        _ = (a & b) or c


@pytest.mark.parametrize("whole", [a.with_args_static({}), a.named("x"), (a & b).starting("now")])
def test_a_whole_trigger_does_not_combine(whole: Any) -> None:
    for left, right in ((b, whole), (whole, b), (a & b, whole), (whole, a & b)):
        with pytest.raises(DeclarationError, match="combine first"):
            _ = left & right
        with pytest.raises(DeclarationError, match="combine first"):
            _ = left | right


def test_only_conditions_combine() -> None:
    with pytest.raises(DeclarationError, match="combines conditions"):
        _ = a & "order.paid"


# Keys of joins.


def test_conditions_on_one_task_join_by_source() -> None:
    spec = spec_of(on_status("t") & on_success("t"))
    assert {each.key.kind for each in spec.conditions.values()} == {"source"}


@pytest.mark.parametrize(
    "join",
    [
        on_event("a") & on_event("b"),
        on_status("t") & on_status("u"),
        on_event("a") & on_status("t"),
        on_event("a").by("id") & on_event("b"),
        on_status("t").by("id") & on_success("t"),
        on_cron("@daily") & on_cron("@hourly"),
        (on_status("t") & on_success("t")) & on_event("a"),
        TriggerBuilder().on_event("a").on_event("b"),
    ],
)
def test_a_join_without_a_key_is_refused(join: Any) -> None:
    with pytest.raises(JoinWithoutKey, match=r'shop\.react.*\.by\("path"\).*\.by\(None\)'):
        spec_of(join)


def test_any_with_any_and_a_path_never_pair() -> None:
    with pytest.raises(DeclarationError, match=r"shop\.react.*never pair"):
        spec_of(a & on_event("b").by(None))


def test_a_schedule_has_no_path() -> None:
    with pytest.raises(DeclarationError, match=r"shop\.react.*\.by\(None\)"):
        spec_of(on_cron("@daily").by("id") & a)
    assert len(spec_of(on_cron("@daily").by(None) & on_event("a").by(None)).branches) == 1


@pytest.mark.parametrize("path", ["", 3, "a..b", ".a"])
def test_a_path_is_text(path: Any) -> None:
    with pytest.raises(DeclarationError, match=r"shop\.react"):
        spec_of(on_event("a").by(path) & on_event("b").by("x"))


def test_a_builder_gives_the_last_condition_its_key() -> None:
    spec = spec_of(TriggerBuilder().on_event("a").by("x").on_event("b").by("y.z"))
    assert [each.key for each in spec.conditions.values()] == [Key("path", "x"), Key("path", "y.z")]
    with pytest.raises(DeclarationError, match="follows no condition"):
        TriggerBuilder().by("x")


def test_a_builder_is_never_changed() -> None:
    half = TriggerBuilder().on_event("a")
    _ = half.on_event("b").with_logic("or")
    assert codes(half) == ["a"]
