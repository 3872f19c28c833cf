"""Virtual time: a loop that jumps to its next timer as soon as nothing else is ready."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

P = ParamSpec("P")
START = 1_800_000_000_000_000
SECONDS_MAX = 1_000_000


class _Jump(selectors.SelectSelector):
    """Never blocks: the time it was to wait has passed at once."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or self.passed > SECONDS_MAX:
            raise AssertionError("deadlock: nothing is ready, and no timer would make it so")
        if timeout > 0:
            self.passed += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time; it refuses threads, as they would not be seen waiting."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        vars(self)["run_in_executor"] = _refuse

    def time(self) -> float:
        return self._jump.passed


def _refuse(*_args: object) -> None:
    raise AssertionError("threads are refused under virtual time")


class LoopClock:
    """The time of the running loop."""

    def __init__(self, start: int = START) -> None:
        self.start = start

    def now(self) -> int:
        return self.start + round(asyncio.get_running_loop().time() * 1_000_000)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))


def virtual(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test in virtual time."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
