"""Finding the user's engine from `package.module:attribute`, with one sentence for each way that can fail."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import sysconfig
import traceback
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ensue_core.errors import ModuleNotLoaded

if TYPE_CHECKING:
    from ensue.engine import Engine

__all__ = ["load_engine"]

_EXAMPLE = "shop.app:engine"


def load_engine(place: str, directory: Path | None = None) -> Engine:
    """Import the module and return the engine; `directory` (the current one) is importable too.

    Raises `ModuleNotLoaded`, which says what is wrong and where; the import's own error is its cause.
    """
    name, attribute = _split(place)
    here = str((directory or Path.cwd()).absolute())
    if here not in sys.path:
        sys.path.insert(0, here)
    module = _import(name, here)
    return _engine(module, attribute, place)


def _split(place: str) -> tuple[str, str]:
    name, colon, attribute = place.strip().partition(":")
    if name.endswith(".py") or "/" in name or "\\" in name:
        dotted = name.removesuffix(".py").strip("./\\").replace("\\", ".").replace("/", ".")
        raise ModuleNotLoaded(
            f"{place!r} names a file: write the module and the attribute, {dotted}:{attribute or 'engine'}"
        )
    if not colon or not all(part.isidentifier() for part in [*name.split("."), *attribute.split(".")]):
        raise ModuleNotLoaded(f"{place!r} does not name an engine: write module:attribute, such as {_EXAMPLE}")
    return name, attribute


def _import(name: str, here: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ModuleNotLoaded(
                f"no module named {error.name!r} in {here} or on the Python path: check the name, "
                "or run from the directory that holds it"
            ) from error
        raise ModuleNotLoaded(_failed(name, error, here)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # SystemExit too: a script that exits on import is no reason to leave without a word.
        raise ModuleNotLoaded(_failed(name, error, here)) from error


def _failed(name: str, error: BaseException, here: str) -> str:
    said = " ".join(str(error).split()) or "no message"
    return f"importing {name} failed at {_where(error, here)}: {type(error).__name__}: {said}"


def _where(error: BaseException, here: str) -> str:
    """Return the last place in the user's own code that the error passed, as file:line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename, here)}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    theirs = [frame for frame in frames if not _is_library(frame.filename)]
    last = (theirs or frames)[-1:]
    return f"{_shown(last[0].filename, here)}:{last[0].lineno}" if last else "an unknown line"


def _is_library(file: str) -> bool:
    paths = sysconfig.get_paths()
    places = {paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"]}
    for package in ("ensue", "ensue_core"):
        spec = importlib.util.find_spec(package)
        places.update(spec.submodule_search_locations or () if spec else ())
    return any(Path(file).is_relative_to(place) for place in places)


def _shown(file: str, here: str) -> str:
    path = Path(file)
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _engine(module: ModuleType, attribute: str, place: str) -> Engine:
    from ensue.engine import Engine

    engines = sorted(name for name, value in vars(module).items() if isinstance(value, Engine))
    hint = f"it has {', '.join(f'{module.__name__}:{name}' for name in engines)}" if engines else "it has no Engine"
    try:
        found: object = attrgetter(attribute)(module)
    except AttributeError:
        raise ModuleNotLoaded(
            f"module {module.__name__!r} has no attribute {attribute!r} ({hint}): write module:attribute"
        ) from None
    if not isinstance(found, Engine):
        raise ModuleNotLoaded(
            f"{place!r} is a {type(found).__name__}, not an Engine ({hint}): name the Engine, such as {_EXAMPLE}"
        )
    return found
