"""Makes the schema, upgrades it, and refuses to work on one of another version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from ensue_adapters.postgres.connections import OLDEST, arguments, listening_place, prepare
from ensue_adapters.postgres.place import Place
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.statements import Statements, migrations
from ensue_adapters.postgres.trouble import Trouble, translate
from ensue_core.errors import SchemaMismatch, StoreUnavailable

if TYPE_CHECKING:
    from asyncpg import Connection, Record


class Migration(msgspec.Struct, frozen=True):
    """One step from a schema to the next: its number, name and SQL."""

    number: int
    name: str
    scripts: tuple[str, ...]


def known(statements: Statements) -> list[Migration]:
    """Return every migration of this version of ensue, in order."""
    return [_migration(folder, statements) for folder in migrations()]


def newest() -> int:
    """Return the version that this program works with."""
    return max(int(folder.name[:4]) for folder in migrations())


def _migration(folder: Path, statements: Statements) -> Migration:
    number, _, name = folder.name.partition("_")
    return Migration(int(number), name, tuple(statements.migration(folder)))


async def upgrade(place: Place, plan: bool = False) -> Sequence[Migration]:
    """Bring the schema to this version, in one transaction; return what was done.

    With `plan`, only return what would be done. Any number of programs may ask at once: one does it.
    """
    try:
        connection: Connection[Record] = await asyncpg.connect(**arguments(listening_place(place) or place))
    except Trouble as error:
        raise translate(error, place) from error
    try:
        async with connection.transaction():
            await prepare(connection)
            session = Session(connection, Statements(place.schema))
            await session.script("store/patient")
            await session.row("store/lock_migrations", schema=place.schema)
            return await _upgrade(session, place, plan)
    except Trouble as error:
        raise translate(error, place) from error
    finally:
        connection.terminate()


async def _upgrade(session: Session, place: Place, plan: bool) -> list[Migration]:
    _check_server(session, place)
    state = await _look(session, place)
    at = await version(session) if state.ours else 0
    wanted = [each for each in known(session.statements) if each.number > at]
    if at > newest():
        raise _newer(place, at)
    if not state.exists:
        create = session.statements("store/create").text + ";"
        wanted[0] = msgspec.structs.replace(wanted[0], scripts=(create, *wanted[0].scripts))
    if not plan:
        for each in wanted:
            for script in each.scripts:
                await session.connection.execute(script)
    return wanted


class _State(msgspec.Struct, frozen=True):
    exists: bool
    ours: bool
    may_create: bool


async def _look(session: Session, place: Place) -> _State:
    """See what is there. Raises `StoreUnavailable` for somebody else's schema, or where rights are missing."""
    row = await session.row("store/exists", schema=place.schema)
    assert row is not None
    exists, ours, filled, may_create, may_use = row
    if exists and may_use is False:
        raise StoreUnavailable(
            f"this role may not use schema {place.schema!r} of {place.name}: grant it (docs: Postgres, roles)"
        )
    if filled and not ours:
        raise StoreUnavailable(
            f"schema {place.schema!r} of {place.name} holds tables of another program: choose another with schema="
        )
    return _State(exists, ours, may_create)


async def check(session: Session, place: Place) -> bool:
    """Whether the schema is of this version; False where there is none yet and this role may make it.

    Raises `SchemaMismatch` with the command to run, for any other.
    """
    _check_server(session, place)
    state = await _look(session, place)
    if not state.ours:
        if state.exists or state.may_create:
            return False
        raise SchemaMismatch(
            f"{place.name} has no schema {place.schema!r}, and this role may not make it: run `ensue db upgrade` "
            "with a role that may"
        )
    at = await version(session)
    if at > newest():
        raise _newer(place, at)
    if at < newest():
        raise SchemaMismatch(
            f"schema {place.schema!r} of {place.name} is of version {at}, this program needs {newest()}: run "
            "`ensue db upgrade`"
        )
    return True


async def version(session: Session) -> int:
    """Return the schema's version."""
    row = await session.row("store/version")
    return 0 if row is None else int(row[0])


def _newer(place: Place, at: int) -> SchemaMismatch:
    return SchemaMismatch(
        f"schema {place.schema!r} of {place.name} is of version {at}, this program knows {newest()}: upgrade ensue "
        "(`pip install --upgrade ensue`)"
    )


def _check_server(session: Session, place: Place) -> None:
    found = session.connection.get_server_version()
    if (found.major, found.minor) < OLDEST:
        raise StoreUnavailable(
            f"{place.name} runs Postgres {found.major}: ensue needs {OLDEST[0]} or newer, upgrade the server"
        )
