"""Servers for the demo's store: a Kafka or a Postgres that runs for as long as the demo does.

They are those of the project's tests: one that is named in ENSUE_TEST_KAFKA or ENSUE_TEST_POSTGRES, one in a
container, or one that is started here.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

WORDS = ("kafka", "postgres")


@contextmanager
def served(word: str, root: Path, folder: Path) -> Generator[str]:
    """Start the server that a word names, and give the URL of a store on it that nobody has used before."""
    sys.path.insert(0, str(root))
    name = f"news{uuid4().hex[:8]}"
    if word == "postgres":
        from tests.servers.postgres import running as running_postgres

        with running_postgres() as server:
            yield f"{server.url}?schema={name}"
        return
    from tests.servers.kafka import running as running_kafka

    views = folder / "views.db"
    for each in folder.glob(f"{views.name}*"):
        if each.is_file() or each.is_socket():
            each.unlink()
    with running_kafka() as kafka:
        yield f"kafka://{kafka.address}/{name}?views=sqlite:///{quote(str(views))}"
