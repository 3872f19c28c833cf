"""What the memory stores of one name share: a space for each namespace."""

from __future__ import annotations

from ensue_adapters.memory.space import Space


class MemoryWorld:
    """Everything that several processes of a simulation share; it outlives the stores opened on it."""

    def __init__(self) -> None:
        self._spaces: dict[str, Space] = {}

    def space(self, namespace: str) -> Space:
        """Return the namespace's space, made on first use."""
        if namespace not in self._spaces:
            self._spaces[namespace] = Space()
        return self._spaces[namespace]


_named: dict[str, MemoryWorld] = {}


def world_named(name: str) -> MemoryWorld:
    """Return this process's world of that name; a fresh one for no name."""
    return _named.setdefault(name, MemoryWorld()) if name else MemoryWorld()
