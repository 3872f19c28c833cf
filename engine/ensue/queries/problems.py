"""Problems: filters and runs that failed, windows that ended in vain, overflows, skipped slots, pauses."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ensue.queries.fresh import freshen
from ensue.queries.pages import Page, all_of, page_of
from ensue.queries.shown import ProblemView, problem_view
from ensue_core.ports import Store
from ensue_core.rows import ProblemRow

_CHUNK = 500


class Problems:
    """What went wrong in the namespace's decisions, newest first. Tasks that fail are invocations, not problems."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(
        self, *, trigger: str | None = None, kind: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[ProblemView]:
        """Return a page of problems, of one trigger or of one kind of fact (`ConditionFailed`) where that is said.

        Raises `BadQuery`.
        """
        await freshen(self._store)

        async def fetch(before: int | None, limit: int) -> list[ProblemRow]:
            found: list[ProblemRow] = []
            while len(found) < limit:
                rows = await self._store.views.problems(before, _CHUNK)
                found += [row for row in rows if trigger in (None, row.trigger) and kind in (None, row.kind)]
                if len(rows) < _CHUNK:
                    break
                before = rows[-1].position
            return found[:limit]

        return await page_of(fetch, problem_view, lambda row: row.position, cursor, limit)

    def all(self, *, trigger: str | None = None, kind: str | None = None) -> AsyncIterator[ProblemView]:
        """Yield every problem that fits, page by page."""
        return all_of(lambda cursor: self.list(trigger=trigger, kind=kind, cursor=cursor, limit=500))
