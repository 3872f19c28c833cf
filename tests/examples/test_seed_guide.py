"""pynenc's trigger guide means the same here: every example of it runs, made async, and does what it says.

The examples stand in `seed_guide.py`. The six patterns of the post are `examples/news_desk`, run whole by
`test_demo.py` and on the test kit by `examples/testing`.
"""

from __future__ import annotations

import inspect

import pytest

import ensue.testing
from ensue import Tasks
from tests.examples import seed_guide as guide


async def test_a_task_runs_when_its_source_has_succeeded() -> None:
    async with ensue.testing.engine_for(guide.basic) as t:
        handle = await guide.source_task.submit(7)
        await t.settle()
        assert await handle.result() == "Processed 7"
        assert t.ran(guide.notification_task) == [{}]


async def test_schedules_fire_each_slot_once_and_none_of_the_past() -> None:
    async with ensue.testing.engine_for(guide.cron, now="2026-01-01T00:00:30Z") as t:
        await t.settle()
        assert t.ran(guide.scheduled_task) == []
        await t.advance("1h")
        assert len(t.ran(guide.scheduled_task)) == 60
        assert len(t.ran(guide.half_hour_task)) == 2


async def test_a_success_fires_what_waits_for_status_result_and_both() -> None:
    async with ensue.testing.engine_for(guide.results) as t:
        await guide.division_task.submit(5, 2)
        await t.settle()
        assert t.ran(guide.success_handler) == [{}]
        assert t.ran(guide.result_handler) == [{}]
        assert t.ran(guide.specific_result_handler) == [{}]
        assert t.ran(guide.combined_and_trigger) == [{}]
        # Status and result are one occurrence here, so "or" reacts once (pynenc: twice).
        assert t.ran(guide.combined_or_trigger) == [{}]


async def test_another_result_does_not_fire_what_waits_for_2_5() -> None:
    async with ensue.testing.engine_for(guide.results) as t:
        await guide.division_task.submit(6, 2)
        await t.settle()
        assert t.ran(guide.success_handler) == [{}]
        assert t.ran(guide.specific_result_handler) == []


async def test_a_failure_fires_what_waits_for_a_result_or_an_error() -> None:
    async with ensue.testing.engine_for(guide.results) as t:
        await guide.division_task.submit(1, 0)
        await t.settle()
        assert t.ran(guide.success_handler) == []
        assert t.ran(guide.specific_result_handler) == []
        assert t.ran(guide.combined_and_trigger) == []
        # The guide says "success or failure"; pynenc's code reacts to successes only.
        assert t.ran(guide.result_handler) == [{}]
        assert t.ran(guide.combined_or_trigger) == [{}]


@pytest.mark.parametrize(
    ("x", "y", "name", "message"),
    [(1, 0, "ZeroDivisionError", "division by zero"), (-1, 2, "ValueError", "Negative numbers not allowed")],
)
async def test_an_exception_is_reported_by_its_type_and_by_any(x: int, y: int, name: str, message: str) -> None:
    async with ensue.testing.engine_for(guide.exceptions) as t:
        await guide.divide.submit(x, y)
        await t.settle()
        report = {"original_args": f"x={x}, y={y}", "exception_type": name, "exception_message": message}
        assert t.ran(guide.report_any_exception) == [report]
        assert t.ran(guide.report_div_zero_error) == ([report] if name == "ZeroDivisionError" else [])
        assert t.ran(guide.report_value_error) == ([report] if name == "ValueError" else [])


async def test_failures_of_one_type_do_not_collapse() -> None:
    async with ensue.testing.engine_for(guide.exceptions) as t:
        for x in range(8):
            await guide.divide.submit(x, 0)
        await t.settle()
        assert len(t.ran(guide.report_div_zero_error)) == 8


async def test_no_failure_reports_nothing() -> None:
    async with ensue.testing.engine_for(guide.exceptions) as t:
        await guide.divide.submit(4, 2)
        await t.settle()
        assert t.ran(guide.report_any_exception) == []


@pytest.mark.parametrize("priority", ["high", "low"])
async def test_arguments_are_fixed_or_made_from_the_result(priority: str) -> None:
    async with ensue.testing.engine_for(guide.dynamic) as t:
        await guide.process_data.submit({"priority": priority})
        await t.settle()
        assert t.ran(guide.notify_with_static_args) == [{"notification_level": "info", "include_details": True}]
        urgent = priority == "high"
        assert t.ran(guide.notify_with_dynamic_args) == [
            {
                "notification_level": "urgent" if urgent else "info",
                "include_details": urgent,
                "source_data": {"processed": {"priority": priority}},
            }
        ]


@pytest.mark.parametrize(
    ("amount", "priority", "high", "large", "approval"),
    [(10.0, "normal", 0, 0, 0), (10.0, "high", 1, 0, 0), (2000.0, "normal", 0, 1, 0), (6000.0, "high", 1, 1, 1)],
)
async def test_filters_choose_among_calls_and_results(
    amount: float, priority: str, high: int, large: int, approval: int
) -> None:
    async with ensue.testing.engine_for(guide.orders) as t:
        await guide.process_order.submit("o1", amount, priority)
        await t.settle()
        assert len(t.ran(guide.notify_high_priority)) == high
        assert len(t.ran(guide.notify_large_order)) == large
        assert len(t.ran(guide.log_completed_order)) == 1
        assert len(t.ran(guide.request_manager_approval)) == approval


async def test_a_default_counts_as_an_argument() -> None:
    async with ensue.testing.engine_for(guide.orders) as t:
        await guide.process_order.submit("o1", 10.0)
        await t.settle()
        assert t.ran(guide.process_order) == [{"order_id": "o1", "amount": 10.0, "priority": "normal"}]
        assert t.ran(guide.notify_high_priority) == []


@pytest.mark.parametrize("role", ["user", "admin"])
async def test_an_event_fires_all_who_wait_for_it_and_those_whose_filter_it_passes(role: str) -> None:
    login = {"user_id": "u1", "timestamp": 12.5, "ip_address": "10.0.0.7", "role": role}
    async with ensue.testing.engine_for(guide.events) as t:
        await t.emit("user.login", login)
        await t.settle()
        assert t.ran(guide.log_user_login) == [{}]
        assert t.ran(guide.notify_admin_login) == ([{}] if role == "admin" else [])
        assert t.ran(guide.record_login_attempt) == [{"user_id": "u1", "timestamp": 12.5, "source_ip": "10.0.0.7"}]


async def test_a_composite_runs_once_with_arguments_from_the_result() -> None:
    async with ensue.testing.engine_for(guide.composite) as t:
        await guide.data_processor.submit({"n": 1})
        await guide.data_processor.submit({"n": 2})
        await t.settle()
        ran = sorted(t.ran(guide.send_notification), key=repr)
        assert ran == [{"result": {"processed": True, "input": {"n": n}}, "level": "success"} for n in (1, 2)]


def test_every_example_of_the_guide_is_run_by_a_test() -> None:
    routers = {name: value for name, value in vars(guide).items() if isinstance(value, Tasks)}
    assert len(routers) == 8
    text = inspect.getsource(inspect.getmodule(inspect.currentframe()) or guide)
    for name, router in routers.items():
        assert f"engine_for(guide.{name}" in text
        for task in router.declared_tasks:
            assert f"guide.{task}" in text, f"{task} is looked at by no test"
