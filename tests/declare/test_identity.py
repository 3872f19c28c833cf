"""Ids and versions: the same in every process, and different where the declaration is."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ensue import Tasks, TriggerBuilder, gt, on_event, on_exception, on_result, on_status
from ensue.functions import function_ref, module_name, qualified_name
from tests.declare import rules

PROGRAM = """
import msgspec
from ensue import *
from ensue.program import assemble
from tests.declare import rules

class Stock(Exception): ...

def large(payload):
    return payload["n"] > 1

tasks = Tasks("shop")

@tasks.task
async def pay(order: str, n: int = 1) -> dict[str, int]: ...

@tasks.task(triggers=[
    on_event("order.*", {"n": gt(5), "a.b": one_of("x", "y"), "m": {"p": 1, "q": 2}})
        .with_args_static({"order": "1"}),
    on_event("order.paid", large).with_args_from_event("order"),
    on_status(pay, {"SUCCESS", "FAILED", "RETRY"}, {"order": "1", "n": 1}).with_args_from_status("order"),
    on_exception(pay, {ValueError, Stock, "KeyError"}).with_args_from_status("order").named("rescue"),
    (on_event("a").by("order") & on_result(pay, {"n": gt(1)}).by("order")).within("5m")
        .with_args_from_status("order"),
])
async def ship(order: str) -> None: ...

if __name__ == "__main__":
    for trigger in assemble([tasks]).triggers:
        print(trigger.spec.id, trigger.spec.version, *trigger.spec.conditions, *sorted(trigger.functions))
    print(assemble([tasks]).version)
"""


def run(path: Path, seed: str, *arguments: str) -> str:
    env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([*sys.path, str(path.parent)])}
    done = subprocess.run(
        [sys.executable, *arguments], env=env, capture_output=True, text=True, check=False, cwd=path.parent
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ids_and_versions_are_the_same_in_every_process(tmp_path: Path) -> None:
    path = tmp_path / "shop_program.py"
    path.write_text(PROGRAM)
    said = {run(path, seed, "shop_program.py") for seed in ("0", "1", "77")}
    # However it is started, the program has one name for itself.
    said.add(run(path, "0", "-m", "shop_program"))
    assert len(said) == 1
    text = said.pop()
    assert "shop.ship/rescue" in text
    assert "shop_program:large" in text
    imported = "import shop_program as p; from ensue.program import assemble; print(assemble([p.tasks]).version)"
    assert run(path, "3", "-c", imported).strip() == text.splitlines()[-1]


def triggers_of(*triggers: Any) -> list[Any]:
    tasks = Tasks("shop")

    @tasks.task(triggers=list(triggers))
    async def ship() -> None: ...

    return [each.spec for each in tasks.declared_tasks["shop.ship"].triggers]


def test_two_triggers_with_equal_conditions_are_two() -> None:
    one, two = triggers_of(on_event("a"), on_event("a"))
    assert (one.id, two.id) == ("shop.ship/0", "shop.ship/1")
    assert one.conditions == two.conditions


def test_a_name_stays_when_the_list_changes() -> None:
    one, two = triggers_of(on_event("b"), on_event("a").named("paid"))
    (alone,) = triggers_of(on_event("a").named("paid"))
    assert two.id == alone.id == "shop.ship/paid"
    assert one.id == "shop.ship/0"


def test_triggers_that_are_added_come_after() -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("a"))
    async def ship() -> None: ...

    tasks.trigger(ship, [on_event("b"), TriggerBuilder().on_event("c")])
    assert [each.spec.id for each in ship.triggers] == ["ship/0", "ship/1", "ship/2"]


def test_a_version_changes_with_filters_and_windows() -> None:
    first = on_event("a").by("x") & on_event("b").by("x")
    specs = triggers_of(on_event("a"), on_event("a", {"n": 1}), on_event("a", {"n": True}), first, first.within("1m"))
    assert len({each.version for each in specs}) == len(specs)


def test_a_sentence_says_the_rule() -> None:
    said = [
        each.sentence
        for each in triggers_of(
            on_status("ingest") & on_result("ingest", {"count": gt(5)}),
            on_event("a") | on_exception("ingest", ValueError),
            TriggerBuilder().on_any_result("ingest").on_cron("@daily").with_logic("or"),
            on_event("a", rules.passes_all),
            on_result("ingest", None),
            on_event("a", {"n": 1, "m": "x"}),
        )
    ]
    assert said == [
        "status of ingest is SUCCESS and result of ingest has count > 5",
        "event a or ingest fails with ValueError",
        "ingest ends or schedule @daily",
        "event a whose payload passes passes_all",
        "result of ingest is null",
        'event a whose payload has n = 1, m = "x"',
    ]


def test_a_program_knows_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Main:
        __spec__ = None
        __file__ = "/srv/shop/app.py"

    monkeypatch.setitem(sys.modules, "__main__", Main)
    assert module_name("__main__") == "app"
    assert module_name("shop.tasks") == "shop.tasks"


def test_classes_and_functions_have_recorded_names() -> None:
    assert qualified_name(ValueError) == "builtins.ValueError"
    assert qualified_name(rules.Holder) == "tests.declare.rules.Holder"
    ref, function = function_ref(rules.passes_all, "the filter", "here")
    assert ref.name == "tests.declare.rules:passes_all"
    assert len(ref.source) == 16
    assert function is rules.passes_all
