"""Which generation of the query views is live. Each has a number of its own, as namespaces have."""

from __future__ import annotations

import sqlite3

import msgspec

from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.statements import sql


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The generations of one namespace by number; 0: there is none. The first one has the namespace's own number."""

    live: int
    kept: int = 0
    beside: int = 0


_standing = msgspec.json.Decoder(Standing)


def standing(connection: sqlite3.Connection, places: Places) -> Standing:
    """Return what there is as of the moment that a connection sees."""
    row = connection.execute(sql("views/standing"), (places.log.namespace,)).fetchone()
    return Standing(places.log.namespace) if row is None else _standing.decode(row[0])


def live_places(connection: sqlite3.Connection, places: Places) -> Places:
    """Return where the live rows lie."""
    row = connection.execute(sql("views/standing"), (places.log.namespace,)).fetchone()
    return places.log if row is None else Places(_standing.decode(row[0]).live, places.log)
