"""Every example of the seeds' trigger guide, in its own spelling."""

import time
from typing import Any

from ensue import EventContext, ExceptionContext, ResultContext, Status, Tasks, TriggerBuilder

tasks = Tasks("guide")


@tasks.task
async def source_task(x: int) -> str:
    return f"Processed {x}"


@tasks.task(triggers=TriggerBuilder().on_status(source_task, statuses=[Status.SUCCESS]))
async def notify_source() -> str:
    return "Source task completed successfully"


@tasks.task(triggers=TriggerBuilder().on_cron("* * * * *"))
def scheduled_task() -> str:
    return f"Executed at {time.time()}"


@tasks.task(triggers=TriggerBuilder().on_cron("*/30 * * * *"))
def half_hour_task() -> str:
    return f"Executed at half hour: {time.time()}"


@tasks.task
async def division_task(x: int, y: int) -> float:
    return x / y


@tasks.task(triggers=TriggerBuilder().on_status(division_task, statuses=["SUCCESS"]))
async def success_handler() -> str:
    return "Division completed successfully"


@tasks.task(triggers=TriggerBuilder().on_any_result(division_task))
async def result_handler() -> str:
    return "Division produced a result or error"


@tasks.task(triggers=TriggerBuilder().on_result(division_task, filter_result=2.5))
async def specific_result_handler() -> str:
    return "Division produced exactly 2.5"


@tasks.task(
    triggers=TriggerBuilder()
    .on_status(division_task, statuses=[Status.SUCCESS])
    .on_any_result(division_task)
    .with_logic("and")
)
async def combined_and_trigger() -> str:
    return "Both conditions were met"


@tasks.task(
    triggers=TriggerBuilder()
    .on_status(division_task, statuses=["SUCCESS"])
    .on_any_result(division_task)
    .with_logic("or")
)
async def combined_or_trigger() -> str:
    return "At least one condition was met"


@tasks.task
async def divide(x: int, y: int) -> float:
    if x < 0 or y < 0:
        raise ValueError("Negative numbers not allowed")
    return x / y


def build_args_from_exception(ctx: ExceptionContext) -> dict[str, Any]:
    input_args = ctx.arguments.kwargs
    return {
        "original_args": f"x={input_args.get('x')}, y={input_args.get('y')}",
        "exception_type": ctx.exception_type,
        "exception_message": ctx.exception_message,
    }


@tasks.task(
    triggers=TriggerBuilder()
    .on_exception(divide, exception_types="ZeroDivisionError")
    .with_args_from_exception(build_args_from_exception)
)
async def report_div_zero_error(original_args: str, exception_type: str, exception_message: str) -> str:
    return f"Division with {original_args} failed with {exception_type}: {exception_message}"


@tasks.task(
    triggers=TriggerBuilder()
    .on_exception(divide, exception_types=["ValueError"])
    .with_args_from_exception(build_args_from_exception)
)
async def report_value_error(original_args: str, exception_type: str, exception_message: str) -> str:
    return f"Division with {original_args} failed with {exception_type}: {exception_message}"


@tasks.task(triggers=TriggerBuilder().on_exception(divide).with_args_from_exception(build_args_from_exception))
async def report_any_exception(original_args: str, exception_type: str, exception_message: str) -> str:
    return f"Division with {original_args} failed with {exception_type}: {exception_message}"


@tasks.task
async def process_data(data: dict[str, Any]) -> dict[str, Any]:
    return {"processed": data, "timestamp": time.time()}


@tasks.task(
    triggers=TriggerBuilder()
    .on_status(process_data, statuses=[Status.SUCCESS])
    .with_args_static({"notification_level": "info", "include_details": True})
)
async def notify_with_static_args(notification_level: str, include_details: bool) -> str:
    return f"Notification sent with level {notification_level}"


def generate_notification_args(ctx: ResultContext[dict[str, Any]]) -> dict[str, Any]:
    result = ctx.result
    is_urgent = result.get("processed", {}).get("priority") == "high"
    return {
        "notification_level": "urgent" if is_urgent else "info",
        "include_details": is_urgent,
        "source_data": result,
    }


@tasks.task(triggers=TriggerBuilder().on_any_result(process_data).with_args_from_result(generate_notification_args))
async def notify_with_dynamic_args(notification_level: str, include_details: bool, source_data: dict[str, Any]) -> str:
    if include_details:
        return f"{notification_level.upper()} notification with data: {source_data}"
    return f"{notification_level.upper()} notification sent"


@tasks.task
async def process_order(order_id: str, amount: float, priority: str = "normal") -> dict[str, Any]:
    return {"order_id": order_id, "status": "completed", "amount": amount}


@tasks.task(triggers=TriggerBuilder().on_status(process_order, call_arguments={"priority": "high"}))
async def notify_high_priority() -> str:
    return "High priority order processed"


def is_large_order(arguments: dict[str, Any]) -> bool:
    return bool(arguments.get("amount", 0) > 1000.0)


@tasks.task(triggers=TriggerBuilder().on_status(process_order, call_arguments=is_large_order))
async def notify_large_order() -> str:
    return "Large order processed"


@tasks.task(triggers=TriggerBuilder().on_result(process_order, filter_result={"status": "completed"}))
async def log_completed_order() -> str:
    return "Order completed successfully"


def needs_approval(result: dict[str, Any]) -> bool:
    return bool(result.get("amount", 0) > 5000.0)


@tasks.task(triggers=TriggerBuilder().on_result(process_order, filter_result=needs_approval))
async def request_manager_approval() -> str:
    return "Manager approval requested for large order"


@tasks.task(triggers=TriggerBuilder().on_event("user.login"))
async def log_user_login() -> str:
    return "User login event logged"


@tasks.task(triggers=TriggerBuilder().on_event("user.login", payload_filter={"role": "admin"}))
async def notify_admin_login() -> str:
    return "Admin user logged in"


def extract_user_data(ctx: EventContext[dict[str, Any]]) -> dict[str, Any]:
    return {
        "user_id": ctx.payload.get("user_id"),
        "timestamp": ctx.payload.get("timestamp"),
        "source_ip": ctx.payload.get("ip_address"),
    }


@tasks.task(triggers=TriggerBuilder().on_event("user.login").with_args_from_event(extract_user_data))
async def record_login_attempt(user_id: str, timestamp: float, source_ip: str) -> str:
    return f"Login recorded for user {user_id} from {source_ip}"


@tasks.task
async def data_processor(data: dict[str, Any]) -> dict[str, Any]:
    return {"processed": True, "input": data}


def is_processed_successfully(result: dict[str, Any]) -> bool:
    return result.get("processed", False) is True


def result_args(ctx: ResultContext[dict[str, Any]]) -> dict[str, Any]:
    return {"result": ctx.result, "level": "success"}


@tasks.task(
    triggers=TriggerBuilder()
    .on_status(data_processor, statuses=[Status.SUCCESS])
    .on_result(data_processor, filter_result=is_processed_successfully)
    .with_args_from_result(result_args)
    .with_logic("and")
)
async def notification_task(result: dict[str, Any], level: str = "info") -> str:
    return f"{level.upper()}: Data processed with result {result}"
