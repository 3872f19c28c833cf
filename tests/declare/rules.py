"""Functions that filters and providers in these tests name; a test module's own would do as well."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from ensue import Arguments, EventContext, ExceptionContext, Fire, ResultContext, RunContext, Skip, StatusContext


def passes_all(value: Any) -> bool:
    return True


def nothing(context: Any) -> dict[str, Any]:
    return {}


async def slow(value: Any) -> bool:
    return True


def two(value: Any, other: Any) -> bool:
    return True


def nested() -> Any:
    def inner(value: Any) -> bool:
        return True

    return inner


def decorate(function: Any) -> Any:
    @wraps(function)
    def wrapper(value: Any) -> Any:
        return function(value)

    return wrapper


@decorate
def decorated(value: Any) -> bool:
    return True


class Holder:
    def method(self, value: Any) -> bool:
        return True

    def __call__(self, value: Any) -> bool:
        return True


def hidden(value: Any) -> bool:
    return True


first_of_two_names = hidden
globals()["hidden"] = passes_all

a_lambda: Callable[[Any], bool] = lambda value: True  # noqa: E731
not_module_level: dict[str, Any] = {
    "lambda": a_lambda,
    "nested": nested(),
    "partial": partial(two, other=1),
    "method": Holder().method,
    "function of a class": Holder.method,
    "object": Holder(),
    "class": Holder,
    "builtin": len,
    "hidden by another": first_of_two_names,
}


def from_event(context: EventContext[Any]) -> Arguments:
    return Arguments(value=1)


def from_status(context: StatusContext) -> Arguments:
    return Arguments(value=1)


def from_result(context: ResultContext[Any]) -> Arguments:
    return Arguments(value=1)


def from_exception(context: ExceptionContext) -> Arguments:
    return Arguments(value=1)


def from_run(context: RunContext) -> Arguments:
    return Arguments(value=1)


def one_needed(value: Any) -> bool:
    return True


def counts() -> int:
    return 1


def yields() -> Any:
    yield True


def polled() -> bool:
    return True


async def polled_slowly() -> Fire | Skip:
    return Skip()


async def polled_for_text() -> str | bool:
    return ""
