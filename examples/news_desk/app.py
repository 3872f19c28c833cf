"""The news desk's engine: `ensue run app:engine` in this folder runs it."""

from __future__ import annotations

from tasks import tasks

from ensue import Engine

engine = Engine(tasks=[tasks])
