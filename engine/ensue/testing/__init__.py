"""What tests of programs and of adapters need."""

from __future__ import annotations

from ensue.testing.clock import ManualClock

__all__ = ["ManualClock"]
