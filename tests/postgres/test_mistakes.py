"""One sentence for each way in which a server cannot be used, with what to do about it."""

import re

import pytest

from ensue_core.errors import StoreError, StoreUnavailable
from tests.postgres.stores import opened
from tests.servers.postgres import Server


async def said(url: str) -> str:
    """The sentence with which opening a store fails."""
    with pytest.raises(StoreUnavailable) as caught:
        await opened(url).__aenter__()
    return str(caught.value)


async def test_no_server(postgres: Server) -> None:
    assert re.search(
        "no server answers at localhost:1/a: start Postgres, or correct the URL",
        await said("postgresql://localhost:1/a"),
    )
    assert "no server answers" in await said("postgresql:///a?host=/nowhere")


async def test_no_such_host() -> None:
    assert "no host of that name" in await said("postgresql://no-such-host.invalid/a?sslmode=disable")


async def test_a_wrong_password(postgres: Server) -> None:
    sentence = await said(re.sub(r":[^:@]*@", ":wrong@", postgres.url))
    assert "refuses" in sentence
    assert "correct user and password in the URL" in sentence
    assert "wrong" not in sentence


async def test_a_missing_database(postgres: Server) -> None:
    assert "there is no database 'nowhere'" in await said(postgres.database("nowhere"))
    assert "createdb nowhere" in await said(postgres.database("nowhere"))


async def test_a_server_that_speaks_no_tls(postgres: Server) -> None:
    sentence = await said(postgres.url + "?sslmode=require")
    assert "TLS" in sentence
    assert "sslmode" in sentence


async def test_a_closed_store_says_so(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        pass
    for ask in (store.log.head, store.work.queued, store.decisions.chains, store.views.schedules):
        with pytest.raises(StoreError, match="is closed: open the engine before you use it"):
            await ask()
    with pytest.raises(StoreError, match="is not open"):
        await store.health()
