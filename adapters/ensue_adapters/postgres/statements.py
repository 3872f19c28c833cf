"""The SQL, by name: `statements("log/head")` is the statement in `sql/log/head.sql`.

A file names its values (`:after`) and writes the schema as `ensue`; here they become `$1` and the schema in use.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent / "sql"
_VALUE = re.compile(r"(?<![:\w]):([a-z_]+)")
_SCHEMA = re.compile(r"\bensue(?=[.;])")


class Statement(msgspec.Struct, frozen=True):
    """A statement and the names of its values, in the order of their numbers."""

    text: str
    names: tuple[str, ...]


class Statements:
    """The statements for one schema."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self._read: dict[str, Statement] = {}

    def __call__(self, name: str) -> Statement:
        """Return a statement by the name of its file."""
        found = self._read.get(name)
        if found is None:
            found = self._read[name] = _numbered(self._placed(_text(FOLDER / f"{name}.sql")))
        return found

    def migration(self, folder: Path) -> list[str]:
        """Return a migration's files as scripts, in order."""
        return [self._placed(_text(file)) for file in sorted(folder.glob("*.sql"))]

    def _placed(self, text: str) -> str:
        return _SCHEMA.sub(f'"{self.schema}"', text)


def migrations() -> list[Path]:
    """Return the folders of all migrations, in order."""
    return sorted(each for each in (FOLDER / "migrations").iterdir() if each.is_dir())


def _text(file: Path) -> str:
    return "\n".join(line for line in file.read_text("utf-8").splitlines() if not line.startswith("--"))


def _numbered(text: str) -> Statement:
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return Statement(_VALUE.sub(number, text).strip().rstrip(";"), tuple(names))
