"""Resources: what tasks share in one process, opened at its start and closed at its end.

```python
@tasks.resource
async def pool() -> AsyncIterator[Pool]:
    async with create_pool() as opened:
        yield opened
```
Inside a task `pool()` is the opened `Pool`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar, cast, final

from ensue.bound import Bindings
from ensue_core.errors import NotRunning

__all__ = ["Resource", "ResourceValues"]

T = TypeVar("T")

_overridden: ContextVar[Mapping[Resource[Any], Any]] = ContextVar("ensue.overridden")


@final
class Resource(Generic[T]):
    """One resource of a program; call it for the value that the open engine holds."""

    __slots__ = ("_bindings", "function", "name")

    def __init__(self, name: str, function: Callable[[], AsyncIterator[T]], bindings: Bindings) -> None:
        self.name = name
        """Its prefix and function name."""
        self.function = function
        """The async generator function that opens it, yields it once, and closes it."""
        self._bindings = bindings

    def __call__(self) -> T:
        """Return the open value; raises `NotRunning` where no engine has opened it."""
        values = _overridden.get({})
        if self in values:
            return cast(T, values[self])
        return self._bindings.one(f"resource {self.name}()").resources.value_of(self)

    @contextmanager
    def overriding(self, value: T) -> Generator[T]:
        """Stand in for the value inside the `with` block and the tasks started in it; needs no engine."""
        token = _overridden.set({**_overridden.get({}), self: value})
        try:
            yield value
        finally:
            _overridden.reset(token)

    def __repr__(self) -> str:
        return f"Resource({self.name!r})"


@final
class ResourceValues:
    """The values of one engine: those it opened, and those a test put in their place."""

    __slots__ = ("_opened", "_overrides")

    def __init__(self) -> None:
        self._opened: dict[Resource[Any], Any] = {}
        self._overrides: dict[Resource[Any], Any] = {}

    def opened(self, resource: Resource[T], value: T) -> None:
        """Keep the value of a resource that was opened."""
        self._opened[resource] = value

    def closed(self, resource: Resource[Any]) -> None:
        """Forget the value of a resource that was closed."""
        self._opened.pop(resource, None)

    def override(self, resource: Resource[T], value: T) -> None:
        """Stand in for a resource, opened or not."""
        self._overrides[resource] = value

    def restore(self, resource: Resource[Any]) -> None:
        """End an override."""
        self._overrides.pop(resource, None)

    def is_overridden(self, resource: Resource[Any]) -> bool:
        """Whether a test stands in, so that the resource need not be opened."""
        return resource in self._overrides

    def value_of(self, resource: Resource[T]) -> T:
        """Return a resource's value; raises `NotRunning` where it has none."""
        for values in (self._overrides, self._opened):
            if resource in values:
                return cast(T, values[resource])
        raise NotRunning(f"resource {resource.name}()")
