"""Decision views as one fold: what a record does to work and chains, in order."""

from __future__ import annotations

from ensue_core.changes import Change
from ensue_core.records import Record
from ensue_projections.chain import chain_changes
from ensue_projections.work import work_changes


def changes_of(record: Record) -> tuple[Change, ...]:
    """Return every change of a decision view that an effective record brings, in the order to apply."""
    return (*work_changes(record), *chain_changes(record))
