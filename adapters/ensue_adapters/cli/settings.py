"""`ensue config`: the effective settings, and where each came from."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from ensue.config import SETTINGS, Settings, Source, redact, resolve, unknown_variables, variable
from ensue_adapters.cli.options import COMMON, Common, engine_of, settings_of
from ensue_adapters.cli.output import Column, dim, plain, print_json, print_table, say
from ensue_core.errors import ModuleNotLoaded


async def config(
    *,
    changed: Annotated[bool, Parameter(help="Leave out what is at its default.", negative="")] = False,
    common: Common = COMMON,
) -> None:
    """Show every setting with its value and where it came from. Passwords are hidden."""
    settings = _effective(common)
    rows = [
        (name, _shown(settings, name), source.kind, source.where)
        for name, source in ((name, settings.sources[name]) for name in SETTINGS)
        if not changed or source.kind != "default"
    ]
    rows += [(f"ingest.{name}", _url(value), "file", where) for name, (value, where) in settings.ingest.items()]
    if common.json:
        print_json(
            {
                name: {
                    "value": value,
                    "source": kind,
                    "where": where,
                    "variable": variable(name) if name in SETTINGS else None,
                }
                for name, value, kind, where in rows
            }
        )
    else:
        print_table(
            (Column("SETTING"), Column("VALUE", wraps=True), Column("FROM", wraps=True)),
            [(name, "" if value is None else plain(value), _from(kind, where)) for name, value, kind, where in rows],
            empty="everything is at its default",
        )
    for name, hint in unknown_variables():
        say(f"note: {name} is set but is no setting: {hint}")


def _url(value: object) -> object:
    """The URL of a topic, however it is written, without its password."""
    url = value.get("url") if isinstance(value, dict) else value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return redact(url) if isinstance(url, str) else None


def _effective(common: Common) -> Settings:
    """Return the settings of the program where it can be loaded, as its code may say more."""
    settings = settings_of(common)
    if settings.app is None:
        return settings
    try:
        own = engine_of(common).settings
    except ModuleNotLoaded as error:
        say(f"note: {error}; what its code says is not shown")
        return settings
    return _with_app(own, common)


def _with_app(own: Settings, common: Common) -> Settings:
    """Return the program's settings, with the name of the program itself as this command found it."""
    found = resolve(app=common.app)
    by_hand = {name for name in ("url", "app_id", "service") if getattr(common, name) is not None}
    sources = {
        name: Source("argument", f"of Engine(...) in {found.app}")
        if source.kind == "argument" and name not in by_hand
        else source
        for name, source in own.sources.items()
    }
    sources["app"] = found.sources["app"]
    return Settings(own.url, found.app, own.log_level, own.defaults, sources)


def _shown(settings: Settings, name: str) -> object:
    value = settings.value(name)
    return redact(value) if isinstance(value, str) else value


def _from(kind: str, where: str) -> Text | str:
    if kind == "default":
        return dim("default")
    if kind == "argument":
        return f"argument {where}" if " " in where else f"option --{where.replace('_', '-')}"
    return where
