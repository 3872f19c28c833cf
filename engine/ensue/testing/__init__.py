"""What tests of programs and of adapters need.

`engine_for` runs a program in virtual time; `ensue.testing.conformance` is the contract of stores.
"""

from __future__ import annotations

from ensue.testing.clock import ManualClock
from ensue.testing.kit import Kit, engine_for

__all__ = ["Kit", "ManualClock", "engine_for"]
