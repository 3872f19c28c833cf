"""A client's own transactions: a row of its own and an event, together or neither, whatever dies meanwhile."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from ensue_adapters.postgres.place import parse_url
from ensue_adapters.postgres.trouble import Trouble
from ensue_core.records import Record

if TYPE_CHECKING:
    from asyncpg import Connection
    from asyncpg import Record as Row

TABLE = "CREATE TABLE IF NOT EXISTS orders (id uuid PRIMARY KEY)"
"""The user's own table, in the schema that the store uses."""


async def connect(url: str) -> Connection[Row]:
    """Connect as a user's program does; unqualified names mean the store's schema."""
    place = parse_url(url)
    connection: Connection[Row] = await asyncpg.connect(
        host=list(place.hosts),
        port=list(place.ports),
        user=place.user,
        password=place.password,
        database=place.database,
        server_settings={"search_path": f'"{place.schema}"'},
        target_session_attrs=SessionAttribute.primary,
    )
    return connection


async def place_orders(
    url: str, emit: tuple[str, str, dict[str, int]], draw: random.Random, tell: Callable[[list[str]], None]
) -> None:
    """Insert rows and emit an event for each in one transaction; now and then take it back.

    `emit` is namespace, code and payload; `tell` writes down which ids are tried, before the commit. Whether it was
    committed is in the table.
    """
    namespace, code, payload = emit
    tried: list[str] = []
    try:
        connection = await connect(url)
        try:
            transaction = connection.transaction()
            await transaction.start()
            for _ in range(draw.randint(1, 3)):
                id = await connection.fetchval("SELECT emit($1, $2, $3)", namespace, code, json.dumps(payload))
                await connection.execute("INSERT INTO orders VALUES ($1)", id)
                tried.append(id.hex)
            tell(tried)
            if draw.random() < 0.3:
                await transaction.rollback()
            else:
                await transaction.commit()
        finally:
            connection.terminate()
    except Trouble:
        pass  # whether it was committed is in the table


async def judge_orders(url: str, records: Sequence[Record], tried: set[str]) -> list[str]:
    """Say where rows and events are not the same, and what waits in the intake or was parked."""
    connection = await connect(url)
    try:
        placed = {row[0].hex for row in await connection.fetch("SELECT id FROM orders")}
        waiting: int = await connection.fetchval("SELECT count(*) FROM intake")
        parked = [row[0] for row in await connection.fetch("SELECT reason FROM parked")]
    finally:
        connection.terminate()
    emitted = {record.id for record in records}
    wrong = [f"order {id} was committed, its event is not in the log" for id in placed - emitted]
    wrong += [f"order {id} was not committed, its event is in the log" for id in (tried - placed) & emitted]
    wrong += [f"{waiting} rows wait in the intake" for _ in range(waiting > 0)]
    wrong += [f"parked: {reason}" for reason in parked]
    return wrong


async def prepare(url: str) -> None:
    """Make the user's table, before anything dies."""
    connection = await connect(url)
    try:
        await connection.execute(TABLE)
    finally:
        connection.terminate()


async def count_rows(url: str, table: str) -> int:
    """Return how many rows a table of the store has."""
    connection = await connect(url)
    try:
        count: Any = await connection.fetchval(f'SELECT count(*) FROM "{table}"')
        return int(count)
    finally:
        connection.terminate()
