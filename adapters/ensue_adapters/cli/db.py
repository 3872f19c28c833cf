"""`ensue db`: the schema of a store that has one to look after."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ensue.config import redact
from ensue_adapters.cli.options import COMMON, Common, engine_of
from ensue_adapters.cli.output import print_json, say
from ensue_core.errors import ConfigError

if TYPE_CHECKING:
    from ensue_adapters.postgres.schema import Migration

db = App(name="db", help="The store's schema: upgrade it, or see what an upgrade would do.")


@db.command
async def upgrade(
    *,
    plan: Annotated[bool, Parameter(help="Print the SQL that would run, and run nothing.", negative="")] = False,
    common: Common = COMMON,
) -> None:
    """Bring the schema to the version that this program works with, in one transaction. Repeating it does nothing."""
    url = engine_of(common).settings.url
    if not url.startswith(("postgresql:", "postgres:")):
        say(f"{redact(url)} has no schema to upgrade: it is made with the store")
        if common.json:
            print_json({"migrations": [], "applied": False})
        return
    found = await _upgrade(url, plan)
    if common.json:
        migrations = [{"number": each.number, "name": each.name, "scripts": each.scripts} for each in found]
        print_json({"migrations": migrations, "applied": bool(found) and not plan})
    elif plan:
        for each in found:
            sys.stdout.write(f"-- {each.number:04} {each.name}\n")
            sys.stdout.writelines(f"{script.strip()}\n" for script in each.scripts)
    for each in found:
        say(f"{'would apply' if plan else 'applied'} {each.number:04} {each.name}")
    if not found:
        say("the schema is up to date")


async def _upgrade(url: str, plan: bool) -> list[Migration]:
    try:
        from ensue_adapters.postgres import place, schema
    except ImportError as error:
        raise ConfigError(f"the store for Postgres needs {error.name}: pip install 'ensue[postgres]'") from None
    return list(await schema.upgrade(place.parse_url(url), plan))
