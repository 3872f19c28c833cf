"""Every number the engine uses where the user says nothing, in one frozen place."""

from __future__ import annotations

import msgspec

SECOND = 1_000_000
"""One second of log time: log time counts microseconds since the Unix epoch, UTC."""


class Defaults(msgspec.Struct, frozen=True):
    """The documented defaults; `Engine(defaults=...)` replaces some of them, tests mostly.

    Names end in their unit. Durations are seconds, sizes are bytes.
    """

    app_id: str = "default"
    service: str = "main"
    join_window_seconds: float = 86_400.0
    waiting_per_key_max: int = 1_000
    waiting_per_trigger_max: int = 100_000
    user_code_deadline_seconds: float = 1.0
    user_code_timeouts_before_pause: int = 3
    payload_bytes_max: int = 256 * 1024
    result_bytes_max: int = 1024 * 1024
    nesting_max: int = 64
    lease_seconds: float = 15.0
    heartbeat_seconds: float = 5.0
    catchup_window_seconds: float = 86_400.0
    catchup_slots_max: int = 100
    cause_depth_max: int = 100
    retry_first_seconds: float = 1.0
    retry_longest_seconds: float = 600.0
    crashes_before_quarantine: int = 3
    async_slots: int = 100
    thread_slots: int = 16
    shutdown_grace_seconds: float = 30.0
    queued_max: int = 100_000
    first_declaration_records_max: int = 10_000
    batch_records_max: int = 1_000
    step_facts_max: int = 2_000
    page_records_max: int = 2_000
    poll_seconds: float = 0.25
    poll_deadline_seconds: float = 30.0
    exception_text_max: int = 4_096
    traceback_text_max: int = 16_384


DEFAULTS = Defaults()
