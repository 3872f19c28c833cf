"""The command line, `ensue`.

Data goes to stdout, everything said to people goes to stderr. With `--json` a list is JSON lines, one object
each, and everything else is one JSON document. Exit codes: 0 well, 1 a problem was found or what was asked
cannot be, 2 the command was written wrongly, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

from ensue_adapters.cli.app import main

__all__ = ["main"]
