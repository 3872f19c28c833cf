"""Problems as people list them."""

from __future__ import annotations

from ensue import Tasks, on_event
from ensue.testing import engine_for

tasks = Tasks("problems")


def refuses(payload: dict[str, object]) -> bool:
    raise ValueError(f"cannot read {payload['n']}")


def no_arguments(context: object) -> dict[str, object]:
    return {"wrong": 1}


@tasks.task(triggers=on_event("asked", refuses))
async def asked() -> None: ...


@tasks.task(triggers=on_event("made").with_args_from_event(no_arguments))
async def made(right: int) -> None: ...


async def test_failed_filters_and_runs_are_listed_with_their_errors_page_by_page() -> None:
    async with engine_for(tasks) as t:
        for number in range(3):
            await t.emit("asked", {"n": number})
        await t.emit("made", {})
        await t.settle()
        page = await t.engine.problems.list(limit=2)
        assert [each.kind for each in page.items] == ["RunFailed", "ConditionFailed"]
        assert "wrong" in page.items[0].error
        assert page.items[1].error == "ValueError: cannot read 2"
        rest = await t.engine.problems.list(limit=2, cursor=page.next)
        assert [each.error[-1] for each in rest.items] == ["1", "0"]
        assert rest.next is None
        only = [each.trigger async for each in t.engine.problems.all(trigger="problems.asked/0")]
        assert only == ["problems.asked/0"] * 3
        kinds = [each.kind async for each in t.engine.problems.all(kind="RunFailed")]
        assert kinds == ["RunFailed"]
        assert t.ran(asked) == t.ran(made) == []
