"""Appending within a transaction of the caller: what stands is known at once, the rest comes with the commit."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from ensue_core.errors import StoreError
from ensue_core.ids import Id
from ensue_core.ports import Appended, Outbox, Store
from ensue_core.records import Draft

Call = Callable[[Coroutine[Any, Any, Mapping[Id, Appended]]], Mapping[Id, Appended]]
"""Runs a coroutine of the engine to its end, from another thread than its loop's."""


async def append_within(store: Store, connection: object, drafts: Sequence[Draft]) -> list[Appended]:
    """Hand drafts over to the transaction that the caller's connection has open."""
    outbox = outbox_of(store)
    standing = await outbox.standing(drafts)
    after = await outbox.put(connection, _fresh(drafts, standing))
    return _outcomes(drafts, standing, after)


def append_within_blocking(store: Store, connection: object, drafts: Sequence[Draft], call: Call) -> list[Appended]:
    """The same in the caller's thread, on a connection that blocks."""
    outbox = outbox_of(store)
    standing = call(outbox.standing(drafts))
    after = outbox.put_blocking(connection, _fresh(drafts, standing))
    return _outcomes(drafts, standing, after)


def outbox_of(store: Store) -> Outbox:
    """Return what a store has for `connection=`. Raises `StoreError` for one that has nothing."""
    outbox: Outbox | None = getattr(store, "outbox", None)
    if outbox is None:
        raise StoreError(
            f"connection= needs a store that can share your transaction, and {type(store).__name__} cannot: use a "
            "postgresql:// store, or emit without connection= once you have committed"
        )
    return outbox


def _fresh(drafts: Sequence[Draft], standing: Mapping[Id, Appended]) -> list[Draft]:
    return [each for each in drafts if each.id not in standing]


def _outcomes(drafts: Sequence[Draft], standing: Mapping[Id, Appended], after: int) -> list[Appended]:
    return [standing.get(each.id) or Appended(after, pending=True) for each in drafts]
