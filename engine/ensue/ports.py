"""For authors of stores: the ports, and the words that go through them.

A store is named by the entry-point group `ensue.stores`; `ensue.testing.conformance` is its contract as tests.
"""

from ensue_core.clock import Clock
from ensue_core.facts import Fact, Through, decode_fact, encode_fact
from ensue_core.ids import Id
from ensue_core.ports import (
    Appended,
    Chain,
    Claimed,
    Committed,
    Cursor,
    Decisions,
    End,
    EventQuery,
    Head,
    Health,
    InvocationQuery,
    Leases,
    Log,
    OpenStore,
    Outbox,
    Outrun,
    RunQuery,
    Step,
    Store,
    Superseded,
    Views,
    Work,
)
from ensue_core.records import Draft, Record, draft, place
from ensue_projections.decisions import changes_of

__all__ = [
    "Appended",
    "Chain",
    "Claimed",
    "Clock",
    "Committed",
    "Cursor",
    "Decisions",
    "Draft",
    "End",
    "EventQuery",
    "Fact",
    "Head",
    "Health",
    "Id",
    "InvocationQuery",
    "Leases",
    "Log",
    "OpenStore",
    "Outbox",
    "Outrun",
    "Record",
    "RunQuery",
    "Step",
    "Store",
    "Superseded",
    "Through",
    "Views",
    "Work",
    "changes_of",
    "decode_fact",
    "draft",
    "encode_fact",
    "place",
]
