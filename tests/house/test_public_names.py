"""Every public name says what it is for."""

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest

from tests.house.tree import PACKAGES, modules

PUBLIC_MODULES = ("ensue", "ensue.testing", "ensue.ports")

# The packages whose methods are ours to document; this one holds the planted classes below.
OURS = {*PACKAGES, __name__.partition(".")[0]}


def undocumented(module: ModuleType) -> Iterator[str]:
    """The public names of a module, and the public methods of its classes, that say nothing."""
    for name in module.__all__:
        value = getattr(module, name)
        dotted = f"{module.__name__}.{name}"
        if inspect.isclass(value):
            if not class_docstring(value):
                yield dotted
            yield from (f"{dotted}.{method}" for method in methods(value) if not inspect.getdoc(getattr(value, method)))
        elif inspect.isroutine(value) or inspect.ismodule(value):
            if not inspect.getdoc(value):
                yield dotted
        elif name not in DOCUMENTED_VALUES:
            yield dotted


def class_docstring(cls: type[Any]) -> str:
    """The class's own docstring: neither an inherited one nor the signature that a dataclass writes."""
    written = cls.__dict__.get("__doc__") or ""
    return "" if written.startswith(f"{cls.__name__}(") else written


def methods(cls: type[Any]) -> Iterator[str]:
    """The public methods and properties that the class has from us."""
    seen: set[str] = set()
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] not in OURS:
            continue
        for name, value in vars(base).items():
            if not name.startswith("_") and name not in seen and is_method(value):
                seen.add(name)
                yield name


def is_method(value: object) -> bool:
    """Whether a class's attribute is code that a user calls, not a field or a member."""
    return inspect.isfunction(value) or isinstance(value, staticmethod | classmethod | property | cached_property)


def documented_values() -> set[str]:
    """The names of module-level values and type aliases that a string right below them describes."""
    return {name for module in modules() for name in described(ast.parse(module.path.read_text("utf-8")).body)}


def described(body: list[ast.stmt]) -> Iterator[str]:
    """The names that a statement assigns where the next statement is a string."""
    for statement, below in pairwise(body):
        if not (
            isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
        ):
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


DOCUMENTED_VALUES = documented_values()


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_every_public_name_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert inspect.getdoc(module)
    assert sorted(set(module.__all__)) == sorted(module.__all__), "a name stands twice in __all__"
    assert list(undocumented(module)) == []


def test_there_are_public_names() -> None:
    assert "__version__" in importlib.import_module("ensue").__all__


def test_a_name_that_says_nothing_is_noticed() -> None:
    class Silent:
        pass

    class Documented:
        """Says what it is."""

        field: int = 0

        def silent(self) -> None: ...

        @property
        def silent_property(self) -> int:
            return 0

        def told(self) -> None:
            """Says what it does."""

        def _private(self) -> None: ...

    class Inheriting(Documented):
        pass

    def silent() -> None: ...

    planted = ModuleType("planted")
    public = {
        "Silent": Silent,
        "Documented": Documented,
        "Inheriting": Inheriting,
        "silent": silent,
        "LIMIT": 3,
    }
    planted.__dict__.update(public, __all__=list(public))

    assert list(undocumented(planted)) == [
        "planted.Silent",
        "planted.Documented.silent",
        "planted.Documented.silent_property",
        "planted.Inheriting",
        "planted.Inheriting.silent",
        "planted.Inheriting.silent_property",
        "planted.silent",
        "planted.LIMIT",
    ]
    assert "planted" not in sys.modules
