"""The examples of pynenc's trigger guide, every one, made async; `test_seed_guide.py` says what each must do.

The names, the rules and the bodies are the guide's. What changes is the spelling: tasks stand on a `Tasks`
router, bodies are `async def`, and `app.trigger.emit_event` is `await engine.emit`.
"""

from __future__ import annotations

from typing import Any

from ensue import (
    EventContext,
    ExceptionContext,
    ResultContext,
    Status,
    Tasks,
    TriggerBuilder,
)

# Basic trigger usage.

basic = Tasks()


@basic.task
async def source_task(x: int) -> str:
    return f"Processed {x}"


@basic.task(triggers=TriggerBuilder().on_status(source_task, statuses=[Status.SUCCESS]))
async def notification_task() -> str:
    return "Source task completed successfully"


# Cron-based task scheduling.

cron = Tasks()


@cron.task(triggers=TriggerBuilder().on_cron("* * * * *"))
async def scheduled_task() -> str:
    """Run every minute."""
    return "Executed"


@cron.task(triggers=TriggerBuilder().on_cron("*/30 * * * *"))
async def half_hour_task() -> str:
    """Run every 30 minutes."""
    return "Executed at half hour"


# Handling task results and statuses.

results = Tasks()


@results.task
async def division_task(x: int, y: int) -> float:
    """Divide x by y."""
    return x / y


@results.task(triggers=TriggerBuilder().on_status(division_task, statuses=["SUCCESS"]))
async def success_handler() -> str:
    return "Division completed successfully"


@results.task(triggers=TriggerBuilder().on_any_result(division_task))
async def result_handler() -> str:
    return "Division produced a result or error"


@results.task(triggers=TriggerBuilder().on_result(division_task, filter_result=2.5))
async def specific_result_handler() -> str:
    return "Division produced exactly 2.5"


@results.task(
    triggers=TriggerBuilder()
    .on_status(division_task, statuses=[Status.SUCCESS])
    .on_any_result(division_task)
    .with_logic("and")
)
async def combined_and_trigger() -> str:
    return "Both conditions were met"


@results.task(
    triggers=TriggerBuilder()
    .on_status(division_task, statuses=["SUCCESS"])
    .on_any_result(division_task)
    .with_logic("or")
)
async def combined_or_trigger() -> str:
    return "At least one condition was met"


# Exception handling with triggers.

exceptions = Tasks()


@exceptions.task
async def divide(x: int, y: int) -> float:
    """Divide x by y, may raise exceptions."""
    if x < 0 or y < 0:
        raise ValueError("Negative numbers not allowed")
    return x / y


def build_args_from_exception(ctx: ExceptionContext) -> dict[str, Any]:
    """Generate arguments for error reporting task."""
    input_args = ctx.arguments.kwargs
    return {
        "original_args": f"x={input_args.get('x')}, y={input_args.get('y')}",
        "exception_type": ctx.exception_type,
        "exception_message": ctx.exception_message,
    }


@exceptions.task(
    triggers=TriggerBuilder()
    .on_exception(divide, exception_types="ZeroDivisionError")
    .with_args_from_exception(build_args_from_exception)
)
async def report_div_zero_error(original_args: str, exception_type: str, exception_message: str) -> str:
    """Report division by zero errors."""
    return f"Division with {original_args} failed with {exception_type}: {exception_message}"


@exceptions.task(
    triggers=TriggerBuilder()
    .on_exception(divide, exception_types=["ValueError"])
    .with_args_from_exception(build_args_from_exception)
)
async def report_value_error(original_args: str, exception_type: str, exception_message: str) -> str:
    """Report value errors."""
    return f"Division with {original_args} failed with {exception_type}: {exception_message}"


@exceptions.task(
    triggers=TriggerBuilder()
    .on_exception(divide)  # No exception_types means match any exception
    .with_args_from_exception(build_args_from_exception)
)
async def report_any_exception(original_args: str, exception_type: str, exception_message: str) -> str:
    """Report any exception from divide task."""
    return f"Division with {original_args} failed with {exception_type}: {exception_message}"


# Dynamic argument generation.

dynamic = Tasks()


@dynamic.task
async def process_data(data: dict[str, Any]) -> dict[str, Any]:
    """Process input data and return results."""
    return {"processed": data}


@dynamic.task(
    triggers=TriggerBuilder()
    .on_status(process_data, statuses=[Status.SUCCESS])
    .with_args_static({"notification_level": "info", "include_details": True})
)
async def notify_with_static_args(notification_level: str, include_details: bool) -> str:
    """Notification with static arguments."""
    return f"Notification sent with level {notification_level}"


def urgency_args(ctx: ResultContext[dict[str, Any]]) -> dict[str, Any]:
    """Generate arguments based on task result."""
    result = ctx.result
    is_urgent = result.get("processed", {}).get("priority") == "high"
    return {
        "notification_level": "urgent" if is_urgent else "info",
        "include_details": is_urgent,
        "source_data": result,
    }


@dynamic.task(triggers=TriggerBuilder().on_any_result(process_data).with_args_from_result(urgency_args))
async def notify_with_dynamic_args(notification_level: str, include_details: bool, source_data: dict[str, Any]) -> str:
    """Notification with dynamically generated arguments."""
    if include_details:
        return f"{notification_level.upper()} notification with data: {source_data}"
    return f"{notification_level.upper()} notification sent"


# Conditional triggering with argument and result filters.

orders = Tasks()


@orders.task
async def process_order(order_id: str, amount: float, priority: str = "normal") -> dict[str, Any]:
    """Process an order with the given details."""
    return {"order_id": order_id, "status": "completed", "amount": amount}


@orders.task(triggers=TriggerBuilder().on_status(process_order, call_arguments={"priority": "high"}))
async def notify_high_priority() -> str:
    """Notification specifically for high priority orders."""
    return "High priority order processed"


def is_large_order(arguments: dict[str, Any]) -> bool:
    """Check if this is a large order based on amount."""
    return bool(arguments.get("amount", 0) > 1000.0)


@orders.task(triggers=TriggerBuilder().on_status(process_order, call_arguments=is_large_order))
async def notify_large_order() -> str:
    """Notification for large orders."""
    return "Large order processed"


@orders.task(triggers=TriggerBuilder().on_result(process_order, filter_result={"status": "completed"}))
async def log_completed_order() -> str:
    """Log when an order is completed."""
    return "Order completed successfully"


def needs_approval(result: dict[str, Any]) -> bool:
    """Check if order needs approval based on result."""
    return bool(result.get("amount", 0) > 5000.0)


@orders.task(triggers=TriggerBuilder().on_result(process_order, filter_result=needs_approval))
async def request_manager_approval() -> str:
    """Request approval for large transactions."""
    return "Manager approval requested for large order"


# Event-based triggers.

events = Tasks()


@events.task(triggers=TriggerBuilder().on_event("user.login"))
async def log_user_login() -> str:
    """Log when a user login event occurs."""
    return "User login event logged"


@events.task(triggers=TriggerBuilder().on_event("user.login", payload_filter={"role": "admin"}))
async def notify_admin_login() -> str:
    """Special notification for admin logins."""
    return "Admin user logged in"


def extract_user_data(ctx: EventContext[dict[str, Any]]) -> dict[str, Any]:
    """Extract user data from event payload."""
    return {
        "user_id": ctx.payload.get("user_id"),
        "timestamp": ctx.payload.get("timestamp"),
        "source_ip": ctx.payload.get("ip_address"),
    }


@events.task(triggers=TriggerBuilder().on_event("user.login").with_args_from_event(extract_user_data))
async def record_login_attempt(user_id: str, timestamp: float, source_ip: str) -> str:
    """Record details of login attempt."""
    return f"Login recorded for user {user_id} from {source_ip}"


# Composite conditions on a reacting task.

composite = Tasks()


@composite.task
async def data_processor(data: dict[str, Any]) -> dict[str, Any]:
    """Process input data."""
    return {"processed": True, "input": data}


def is_processed_successfully(result: dict[str, Any]) -> bool:
    """Check if the result indicates successful processing."""
    return result.get("processed", False) is True


def success_args(ctx: ResultContext[dict[str, Any]]) -> dict[str, Any]:
    """Generate arguments for notification task."""
    return {"result": ctx.result, "level": "success"}


@composite.task(
    triggers=TriggerBuilder()
    .on_status(data_processor, statuses=[Status.SUCCESS])
    .on_result(data_processor, filter_result=is_processed_successfully)
    .with_args_from_result(success_args)
    .with_logic("and")
)
async def send_notification(result: dict[str, Any], level: str = "info") -> str:
    """Send a notification with the given level."""
    return f"{level.upper()}: Data processed with result {result}"
