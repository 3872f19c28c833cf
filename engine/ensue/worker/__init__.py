"""Workers: attempts are claimed, recorded as started, run, and their ends appended, once.

`worker.py` holds the loops and the slots together; `attempt.py` runs one body; `ends.py` decides, purely, how
it ends; `committer.py` appends the ends; `leases.py` keeps leases and reaps lost ones.
"""

from __future__ import annotations

from ensue.worker.needs import Binder, Definition, Options, Program
from ensue.worker.worker import Worker

__all__ = ["Binder", "Definition", "Options", "Program", "Worker"]
