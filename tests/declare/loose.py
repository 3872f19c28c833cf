"""The declaring words without their types: what a program without a type checker may do with them."""

from typing import Any

import ensue

Event: Any = ensue.Event
TaskRef: Any = ensue.TaskRef
TriggerBuilder: Any = ensue.TriggerBuilder
contains: Any = ensue.contains
eq: Any = ensue.eq
exists: Any = ensue.exists
ge: Any = ensue.ge
gt: Any = ensue.gt
lt: Any = ensue.lt
on_any_result: Any = ensue.on_any_result
on_cron: Any = ensue.on_cron
on_event: Any = ensue.on_event
on_exception: Any = ensue.on_exception
on_poll: Any = ensue.on_poll
on_result: Any = ensue.on_result
on_status: Any = ensue.on_status
on_success: Any = ensue.on_success
one_of: Any = ensue.one_of
prefix: Any = ensue.prefix
