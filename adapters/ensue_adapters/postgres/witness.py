"""What this process has seen of the log, so that a server that lost it is noticed.

A standby that lagged and was promoted, a backup that was restored, a server that did not keep what it acknowledged:
each shows as a log that ends before the last record seen here, or has another one in its place. Whoever has seen
nothing that is lost cannot notice, and has nothing wrong in memory either.
"""

from __future__ import annotations

from ensue_adapters.postgres.place import Place
from ensue_core.errors import HistoryLost
from ensue_core.ids import NO_ID, Id


class Witness:
    """The last record seen, of one namespace. Once it is missing, every call is refused until the store is reopened."""

    def __init__(self, place: Place, namespace: str) -> None:
        self.position = 0
        self.id = NO_ID
        self.reach = 0
        """How far the log goes at least."""
        self._where = f"{place.name}, namespace {namespace}"
        self._lost = ""

    def saw(self, position: int, id: Id) -> None:
        """A record that is committed has been seen."""
        if position > self.position:
            self.position, self.id = position, id

    def refuse(self) -> None:
        """Raise `HistoryLost` where the log was found to lack something before."""
        if self._lost:
            raise HistoryLost(self._lost)

    def check_head(self, head: int, since: int | None = None) -> None:
        """See that the log reaches as far as it did: at a moment when it was `since`, or now."""
        seen = self.position if since is None else since
        if head < seen:
            self._lose(f"it ends at position {head}, and position {seen} was there before")
        self.reach = max(self.reach, head)

    def check_record(self, position: int, id: Id, found: Id | None) -> None:
        """See that a record that was seen is still the one at its position; a detached one is not missed."""
        if found is not None and position and found != id:
            self._lose(f"another record than before stands at position {position}")

    def _lose(self, why: str) -> None:
        self._lost = (
            f"the log of {self._where} has lost what it had acknowledged ({why}): a standby that lagged was promoted, "
            "or a backup restored, so bring the server back that has it, or restart this program to go on without"
        )
        self.refuse()
