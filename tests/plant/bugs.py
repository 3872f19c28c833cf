"""Bugs as data: where each is planted, what the line becomes, who must notice, and which promise it breaks.

The old text stands in its file exactly once. A selection is what pytest is given; it holds the tests that guard
the promise, and no more than a minute of them.
"""

from __future__ import annotations

from typing import NamedTuple

SCHEDULER = "engine/ensue/scheduler"
WORKER = "engine/ensue/worker"
FOLDS = "projections/ensue_projections"
SQLITE = "adapters/ensue_adapters/sqlite"
SQL = "adapters/ensue_adapters/sql"
MEMORY = "adapters/ensue_adapters/memory"
POSTGRES = "adapters/ensue_adapters/postgres"
TRIPS = f"{POSTGRES}/sql/migrations/0005_single_trips"
POSTGRES_BEGINNING = f"{POSTGRES}/sql/migrations/0001_beginning"

ENGINE = "tests/engine"
STORES = "tests/conformance"
POSTGRES_ONLY = "tests/conformance/test_postgres.py"
ON_POSTGRES = "tests/postgres"
SQLITE_ONLY = "tests/conformance/test_sqlite.py"
WORKERS = "tests/worker"
INGEST = "engine/ensue/ingest"
KAFKA = "adapters/ensue_adapters/kafka"
INGESTERS = "tests/ingest/test_ingester.py"
CALLERS = "tests/postgres/test_callers.py"
ON_TRIPS = "tests/postgres/test_trips.py"
BAD_CONNECTIONS = "tests/postgres/test_bad_connections.py"
REPLAY = "tests/replay"
PAST = "engine/ensue/replay"
PGBOUNCER = "tests/postgres/test_pgbouncer.py"
BROKER = "adapters/ensue_adapters/broker"
BROKER_ONLY = "tests/conformance/test_broker.py"
BROKER_LOG = "tests/broker/test_log.py"
ON_KAFKA_SIMULATED = "tests/simulation/test_simulation.py"


class Bug(NamedTuple):
    """One planted bug."""

    name: str
    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


BUGS: tuple[Bug, ...] = (
    # The chain of Steps.
    Bug(
        "cursor_loss_ignored",
        "a scheduler whose Step is void loads the chain again and decides anew",
        f"{SCHEDULER}/steps.py",
        "        return await store.decisions.commit(step)\n",
        "        outcome = await store.decisions.commit(step)\n"
        "        if isinstance(outcome, Superseded):\n"
        "            import msgspec\n\n"
        "            last = (await store.decisions.load(step.service)).row.step\n"
        "            outcome = await store.decisions.commit(msgspec.structs.replace(step, after=last))\n"
        "        return outcome\n",
        (f"{ENGINE}/test_chain.py",),
    ),
    Bug(
        "step_checked_by_position",
        "a Step is effective only where the chain's last Step is the one it follows, not where it has the position",
        f"{SQLITE}/decisions.py",
        "            if step_of(tx, step.service) != step.after:\n",
        "            last = read_chain(tx.connection, tx.namespace, step.service).row\n"
        "            if last.through.position > step.through.position:\n",
        (SQLITE_ONLY, "-k", "step or Step"),
    ),
    Bug(
        "step_checked_by_position_in_memory",
        "the same, on the memory store",
        f"{MEMORY}/space.py",
        "        if self.chains.row(step.service).step != step.after:\n",
        "        if self.chains.row(step.service).through.position > step.through.position:\n",
        ("tests/conformance/test_memory.py", "-k", "step or Step"),
    ),
    Bug(
        "redecided_after_unknown_commit",
        "a Step whose commit was unknown and did land is not decided again, whatever user code answers now",
        f"{SCHEDULER}/steps.py",
        "            return found if found is not None else Superseded()\n",
        "            return Superseded()\n",
        (f"{ENGINE}/test_chain.py",),
    ),
    Bug(
        "read_again_from_before",
        "after a commit whose outcome was unknown, a scheduler goes on from where the chain is, not from where it was",
        f"{SCHEDULER}/scheduler.py",
        "        self._state = state\n        self._scan = state.row.through\n",
        "        self._state = state\n        self._scan = self._scan if self._scan.position else state.row.through\n",
        (f"{ENGINE}/test_chain.py",),
    ),
    Bug(
        "reaper_ends_a_renewed_lease",
        "a reaped end counts only while the lease has run out",
        f"{SQLITE}/work.py",
        "(until <= now or not each.if_expired)",
        "(True or not each.if_expired)",
        (SQLITE_ONLY, "-k", "lease or reaped"),
    ),
    Bug(
        "deadline_passes_an_unread_record",
        "a Step is void where the log holds an unread record older than its clock",
        f"{SQLITE}/decisions.py",
        "            if _outrun(tx, step):\n                return Outrun()\n",
        "",
        (SQLITE_ONLY, "-k", "step or outrun or clock"),
    ),
    Bug(
        "an_earlier_slot_is_answered",
        "of two pollers one answer counts: none to a slot before the one that follows the last answer",
        f"{SCHEDULER}/answers.py",
        "row is None or each.slot < row.due or each.key in taken",
        "row is None or each.key in taken",
        (f"{ENGINE}/test_polls.py", "-k", "believe"),
    ),
    Bug(
        "equal_payloads_by_their_text",
        "payloads are equal as JSON, whatever the order of keys",
        f"{SCHEDULER}/answers.py",
        'digest("poll", canonical(decode(payload)))',
        'digest("poll", payload)',
        (f"{ENGINE}/test_polls.py", "-k", "suppress"),
    ),
    Bug(
        "an_answer_is_forgotten_by_the_next",
        "what an answer began suppresses equal ones until it has ended, whatever came between",
        f"{FOLDS}/chain.py",
        "note = flying_note((*fact.flying, (fact.digest, record.id)))",
        "note = flying_note(((fact.digest, record.id),))",
        (f"{ENGINE}/test_polls.py", "tests/conformance/test_memory.py", "-k", "suppress or answer"),
    ),
    Bug(
        "a_slow_poll_holds_the_others",
        "a function that hangs in its thread delays no other",
        f"{SCHEDULER}/rounds.py",
        "                if self._line:\n",
        "                if self._line and not threads:\n",
        (f"{ENGINE}/test_polls.py", "-k", "hangs"),
    ),
    Bug(
        "hanging_threads_without_a_bound",
        "no more than three threads hang in one function",
        f"{SCHEDULER}/polls.py",
        "if target.asked or target.stuck >= STUCK_MAX:",
        "if target.asked:",
        (f"{ENGINE}/test_polls.py", "-k", "hangs"),
    ),
    Bug(
        "each_failed_poll_is_recorded",
        "of a long row of failures ever fewer are recorded",
        f"{SCHEDULER}/polls.py",
        "if target.gone or target.failures & (target.failures - 1):",
        "if target.gone:",
        (f"{ENGINE}/test_polls.py", "-k", "row"),
    ),
    Bug(
        "a_paused_poll_goes_on",
        "a paused trigger's function is not asked",
        f"{SCHEDULER}/polls.py",
        'if trigger is None or trigger.state != "active" or key[0] not in self._triggers:',
        "if trigger is None or key[0] not in self._triggers:",
        (f"{ENGINE}/test_polls.py", "-k", "paused"),
    ),
    Bug(
        "clock_of_a_busy_log",
        "a Step takes the store's clock only where it has read to the end",
        f"{SCHEDULER}/scheduler.py",
        "        clock = None if records or due is None or due > now else now\n",
        "        clock = None if due is None or due > now else now\n",
        (f"{ENGINE}/test_chain.py",),
    ),
    Bug(
        "two_versions_fire",
        "only schedulers of the version declared last decide",
        f"{SCHEDULER}/scheduler.py",
        "        return self._wanted is not None and is_current(state, self._wanted)\n",
        "        return True\n",
        (f"{ENGINE}/test_declaring.py", "-k", "version"),
    ),
    Bug(
        "waits_for_missing_code",
        "a chain whose current version has no live holder is taken over",
        f"{SCHEDULER}/scheduler.py",
        "        return self._unheld == version and self._unheld_for >= self._defaults.lease_seconds\n",
        "        return False\n",
        (f"{ENGINE}/test_declaring.py", "-k", "version"),
    ),
    Bug(
        "takeover_retires",
        "a takeover pauses what it lacks and retires nothing",
        f"{SCHEDULER}/declare.py",
        "        if not takeover:\n",
        "        if True:\n",
        (f"{ENGINE}/test_declaring.py", "-k", "version"),
    ),
    Bug(
        "takeover_while_held",
        "a scheduler of another version stands by while somebody holds the current one",
        f"{SCHEDULER}/scheduler.py",
        "        if state.row.version in live or self._unheld != state.row.version:\n",
        "        if self._unheld != state.row.version:\n",
        (f"{ENGINE}/test_declaring.py", "-k", "version or holder"),
    ),
    Bug(
        "through_moves_past_an_unasked_record",
        "what does not fit a Step is asked in the next one",
        f"{SCHEDULER}/plan.py",
        "        return Through((position - 1,), last.occurrence.index, last.spec.id)\n",
        "        return Through((position,))\n",
        (f"{ENGINE}/test_composition.py",),
    ),
    Bug(
        "asked_twice_counted_twice",
        "inside a record, what an earlier Step has decided is not decided again",
        f"{SCHEDULER}/plan.py",
        "trigger <= after.trigger)",
        "trigger < after.trigger)",
        (f"{ENGINE}/test_composition.py",),
    ),
    # Conditions and joins.
    Bug(
        "newest_pairs_first",
        "a join pairs oldest with oldest",
        f"{FOLDS}/waiting.py",
        "(row for row in queue.values() if not_before <=",
        "(row for row in reversed(queue.values()) if not_before <=",
        (f"{ENGINE}/test_composition.py",),
    ),
    Bug(
        "window_ends_early",
        "a window holds up to its last microsecond",
        f"{FOLDS}/waiting.py",
        "        while heap and heap[0][0] < now:\n",
        "        while heap and heap[0][0] <= now:\n",
        (f"{ENGINE}/test_composition.py",),
    ),
    Bug(
        "window_ignored_when_pairing",
        "no run uses a match past its window",
        f"{FOLDS}/pairing.py",
        "waiting.oldest(spec.id, key, condition, occurrence.time - within, occurrence.time + within)",
        "waiting.oldest(spec.id, key, condition, 0)",
        (f"{ENGINE}/test_composition.py",),
    ),
    Bug(
        "key_not_type_strict",
        "keys are type-strict: 1, 1.0, true and '1' differ",
        f"{FOLDS}/filters.py",
        "            text = canonical(value)\n",
        "            text = str(value)\n",
        (f"{ENGINE}/test_composition.py", "tests/declare"),
    ),
    Bug(
        "join_stays_open",
        "a join by source closes when its invocation has ended",
        f"{SCHEDULER}/listening.py",
        "            return tuple(sorted(self._joins.get(fact.task, ())))\n",
        "            return ()\n",
        (f"{ENGINE}/test_composition.py",),
    ),
    Bug(
        "overflow_unrecorded",
        "what overflows is a fact",
        f"{SCHEDULER}/decide.py",
        '            self._say("dropped", occurrence.time, fact, occurrence, *matches)\n',
        "",
        (f"{ENGINE}/test_composition.py",),
    ),
    Bug(
        "match_used_twice",
        "each match is used at most once per trigger",
        f"{SCHEDULER}/decide.py",
        "            self._state.waiting.drop(each.match for each in paired.fired.participants)\n",
        "",
        (f"{ENGINE}/test_composition.py",),
    ),
    Bug(
        "every_branch_fires",
        "of all branches an occurrence completes, the first fires",
        f"{FOLDS}/pairing.py",
        "            fired = Fired(run, invocation, number, key, participants)\n            break\n",
        "            fired = Fired(run, invocation, number, key, participants)\n",
        (f"{ENGINE}/test_composition.py",),
    ),
    Bug(
        "true_is_one",
        "a boolean never equals a number",
        f"{FOLDS}/filters.py",
        "    return isinstance(value, (int, float)) and not isinstance(value, bool)\n",
        "    return isinstance(value, (int, float))\n",
        (f"{ENGINE}/test_conditions.py", "tests/declare"),
    ),
    Bug(
        "match_without_attempt",
        "each attempt's change of status is its own occurrence",
        f"{FOLDS}/pairing.py",
        "trigger, condition, occurrence.record, occurrence.index)",
        "trigger, condition, occurrence.source)",
        (f"{ENGINE}/test_conditions.py", f"{ENGINE}/test_weaknesses.py"),
    ),
    Bug(
        "filter_reaches_emitter",
        "a filter's exception reaches nobody",
        f"{SCHEDULER}/asking.py",
        "    except BaseException as error:  # user code may raise anything, SystemExit too\n",
        "    except ImportError as error:\n",
        (f"{ENGINE}/test_user_code.py",),
    ),
    Bug(
        "truthy_is_true",
        "a filter answers with a real bool",
        f"{SCHEDULER}/decide.py",
        "            if not answer.failed and isinstance(answer.value, bool):\n",
        "            if not answer.failed:\n",
        (f"{ENGINE}/test_user_code.py",),
    ),
    Bug(
        "strikes_never_out",
        "code that hangs is paused as a fact after three timeouts in a row",
        f"{SCHEDULER}/asking.py",
        "        return self._counts.get(trigger, 0) >= self._limit\n",
        "        return False\n",
        (f"{ENGINE}/test_user_code.py",),
    ),
    Bug(
        "strikes_outlive_a_resume",
        "a trigger that is resumed is asked again",
        f"{SCHEDULER}/scheduler.py",
        "            self._asker.reset(name)\n",
        "",
        (f"{ENGINE}/test_user_code.py",),
    ),
    Bug(
        "failed_run_keeps_participants",
        "a run that fails uses its participants up",
        f"{FOLDS}/chain.py",
        "        case TriggerFired() | RunFailed() | DepthExceeded() as fact:\n",
        "        case TriggerFired() | DepthExceeded() as fact:\n",
        (f"{ENGINE}/test_arguments.py", f"{ENGINE}/test_rebuild.py"),
    ),
    # Schedules.
    Bug(
        "slot_fires_at_first_declaration",
        "a first declaration fires no slot of the past",
        f"{SCHEDULER}/declare.py",
        "    return {name: next_slot(each.expression, now) for",
        "    return {name: now for",
        (f"{ENGINE}/test_declaring.py", "-k", "slot or schedule"),
    ),
    Bug(
        "slot_fires_at_restart",
        "a restart fires of the missed slots only those that catch-up keeps",
        f"{SCHEDULER}/decide.py",
        "        if due >= self._attentive_since:\n",
        "        if True:\n",
        (f"{ENGINE}/test_declaring.py", "-k", "slot or schedule or catch"),
    ),
    Bug(
        "slot_ticks_again",
        "each slot ticks once",
        f"{FOLDS}/chain.py",
        "            return (TimerSet(TimerRow(fact.service, fact.trigger, fact.condition, fact.next)),)\n",
        "            return ()\n",
        (f"{ENGINE}/test_declaring.py", "-k", "slot", "--timeout", "10"),
    ),
    # People and declarations.
    Bug(
        "pause_ignored",
        "a paused trigger is not asked",
        f"{FOLDS}/chain.py",
        '"paused", fact.own, reason=fact.reason)',
        '"active", fact.own, reason=fact.reason)',
        (f"{ENGINE}/test_control.py",),
    ),
    Bug(
        "resume_from_now_catches_up",
        "resuming from now passes what came meanwhile",
        f"{SCHEDULER}/people.py",
        "        return [TriggerResumed(row.service, name, head, None, timers_from(row.spec, now), author)]\n",
        "        return [TriggerResumed(row.service, name, row.begins, row.own, timers_from(row.spec, now), author)]\n",
        (f"{ENGINE}/test_control.py",),
    ),
    Bug(
        "later_trigger_covers_the_past",
        "a later trigger covers what comes after it",
        f"{SCHEDULER}/declare.py",
        "        case None:\n            begins = head\n",
        "        case None:\n            begins = 0\n",
        (f"{ENGINE}/test_declaring.py",),
    ),
    Bug(
        "another_program_accepted",
        "a program that shares no task is refused",
        f"{SCHEDULER}/declare.py",
        "    if row.tasks and not replace and not set(row.tasks) & set(wanted.tasks):\n",
        "    if False:\n",
        (f"{ENGINE}/test_declaring.py",),
    ),
    Bug(
        "depth_unlimited",
        "a chain of causes deeper than the limit stops with a fact",
        f"{SCHEDULER}/arguments.py",
        "    if depth > depth_max:\n",
        "    if depth > depth_max * 1_000:\n",
        (f"{ENGINE}/test_events.py", "--timeout", "20"),
    ),
    # The log.
    Bug(
        "repeat_appended_again",
        "an equal key is the same event",
        f"{SQL}/repeats.py",
        "            first[draft.id] = index\n",
        "            first[draft.id] = index\n        else:\n            first[draft.id] = index\n",
        (SQLITE_ONLY, f"{ENGINE}/test_events.py"),
    ),
    Bug(
        "conflict_unnoticed",
        "an equal key with another payload is a conflict",
        f"{SQL}/repeats.py",
        "conflict=not same(stands.fact, draft.fact)",
        "conflict=False",
        (f"{ENGINE}/test_events.py", SQLITE_ONLY),
    ),
    Bug(
        "time_goes_back",
        "log time never decreases",
        f"{SQL}/placing.py",
        "    return max(now, head.time, floor)\n",
        "    return now\n",
        (SQLITE_ONLY, "-k", "time or clock"),
    ),
    Bug(
        "retry_repeats_events",
        "what a retried body emits again is the same event",
        "engine/ensue/current.py",
        "        return derive_from(self.id, kind, name, raw, before)\n",
        "        return derive_from(self.id, kind, name, raw, before, self.attempt)\n",
        (f"{ENGINE}/test_events.py", f"{WORKERS}/test_emitting.py"),
    ),
    Bug(
        "equal_emits_collapse",
        "equal events of one body are several",
        "engine/ensue/current.py",
        "        return derive_from(self.id, kind, name, raw, before)\n",
        "        return derive_from(self.id, kind, name, raw)\n",
        (f"{ENGINE}/test_events.py", f"{WORKERS}/test_emitting.py"),
    ),
    Bug(
        "buffered_without_success",
        "buffered events come with the success or not at all",
        f"{WORKER}/worker.py",
        "buffered if isinstance(outcome, Returned) else ())",
        "buffered)",
        (f"{ENGINE}/test_events.py", f"{WORKERS}/test_emitting.py"),
    ),
    Bug(
        "namespace_missing_in_a_query",
        "nothing crosses namespaces",
        f"{SQLITE}/sql/views/events.sql",
        "    WHERE events.place BETWEEN :first AND :last\n        AND (:code",
        "    WHERE (:first, :last) IS NOT NULL\n        AND (:code",
        (f"{ENGINE}/test_control.py", SQLITE_ONLY),
    ),
    Bug(
        "namespace_missing_in_claims",
        "work does not cross namespaces",
        f"{SQLITE}/sql/work/due.sql",
        "WHERE namespace = ?1 AND task = ?2",
        "WHERE ?1 IS NOT NULL AND task = ?2",
        (f"{ENGINE}/test_control.py",),
    ),
    # Attempts.
    Bug(
        "attempt_ended_twice",
        "the first end of an attempt counts",
        f"{SQLITE}/work.py",
        "                counts = until is not None and (until <= now or not each.if_expired)\n",
        "                counts = True\n                current.setdefault(fence, 0)\n",
        (SQLITE_ONLY,),
    ),
    Bug(
        "attempt_ended_twice_in_memory",
        "the same, on the memory store",
        f"{MEMORY}/space.py",
        "            row = self.work.running(each.invocation, each.attempt)\n",
        "            row = self.work.rows.get(each.invocation)\n",
        ("tests/conformance/test_memory.py",),
    ),
    Bug(
        "live_lease_reaped",
        "an attempt is lost only when its lease has run out",
        f"{SQLITE}/sql/work/expired.sql",
        "started = 1 AND lease_until <= ?2\n",
        "started = 1 AND lease_until <= ?2 + 10000000\n",
        (SQLITE_ONLY, "-k", "lease or expired"),
    ),
    Bug(
        "heartbeat_forgotten",
        "a long body keeps its lease",
        f"{WORKER}/leases.py",
        "            if not held:\n                continue\n",
        "            continue\n",
        (f"{WORKERS}/test_leases.py",),
    ),
    Bug(
        "quarantine_never",
        "an invocation that keeps killing its process is quarantined",
        f"{WORKER}/ends.py",
        "    quarantined = crashes >= crashes_max\n",
        "    quarantined = False\n",
        (WORKERS,),
    ),
    Bug(
        "retry_without_delay",
        "a retry waits for its recorded backoff",
        f"{WORKER}/ends.py",
        "due=now + delay_micros(row.invocation, row.attempt, failures, options) if again else 0,",
        "due=now if again else 0,",
        (WORKERS,),
    ),
    Bug(
        "one_retry_too_many",
        "attempts stay within max_retries",
        f"{WORKER}/ends.py",
        "again = retryable and failures <= options.max_retries\n",
        "again = retryable and failures <= options.max_retries + 1\n",
        (WORKERS,),
    ),
    Bug(
        "unanswered_end_called_lost",
        "an end that landed unanswered is known as our own",
        f"{WORKER}/committer.py",
        "                if unknown:\n",
        "                if False:\n",
        (f"{WORKERS}/test_committing.py",),
    ),
    # Views and waiting.
    Bug(
        "view_not_rebuildable",
        "dropping the decision views and folding the log gives the same rows",
        f"{FOLDS}/chain.py",
        "        case WindowExpired() | MatchesDropped() as fact:\n",
        "        case MatchesDropped() as fact:\n",
        (f"{ENGINE}/test_rebuild.py", STORES, "-k", "rebuild or expired"),
    ),
    Bug(
        "state_outside_the_log",
        "a view changes only by facts",
        f"{SQLITE}/work.py",
        "            tx.append([_start(row, worker) for row in rows], lease=Lease(worker, until))\n",
        "            tx.append([_start(row, worker) for row in rows], lease=Lease(worker, until))\n"
        '            tx.connection.execute("UPDATE work SET crashes = crashes + 1 WHERE started = 1")\n',
        (SQLITE_ONLY, "-k", "rebuild"),
    ),
    Bug(
        "query_view_counts_twice",
        "query views equal a fold from scratch, however the log is cut into pages",
        f"{FOLDS}/events.py",
        "matched=row.matched + more",
        "matched=more",
        ("tests/projections",),
    ),
    Bug(
        "cursor_moves_without_rows",
        "rows and cursor of a query view move together",
        "engine/ensue/projector.py",
        "        if await self._store.views.project(before, changed, records[-1].position):\n",
        "        if await self._store.views.project(before, {}, records[-1].position):\n",
        ("tests/queries", f"{ENGINE}/test_rebuild.py"),
    ),
    Bug(
        "settled_too_early",
        "settled waits for all that an event caused, through joins too",
        "engine/ensue/settled.py",
        "            return any(each.source in self._caused for each in fact.participants)\n",
        "            return False\n",
        (f"{ENGINE}/test_events.py",),
    ),
    Bug(
        "settled_before_it_is_decided",
        "settled waits for the scheduler to decide what an event is heard by",
        "engine/ensue/settled.py",
        "            if self._must_be_asked(self._undecided[position]):\n                return False\n",
        "",
        (f"{ENGINE}/test_events.py",),
    ),
    # Topics of other programs.
    Bug(
        "ingest_offset_overwritten",
        "a batch counts only where its partition's offset still stands where it begins",
        "adapters/ensue_adapters/sql/ingesting.py",
        "        if through != batch.after:\n",
        "        if through > batch.through:\n",
        (SQLITE_ONLY, "-k", "TestIngesting"),
    ),
    Bug(
        "ingest_offset_overwritten_in_memory",
        "the same, on the memory store",
        f"{MEMORY}/space.py",
        "        if through != batch.after:\n",
        "        if through > batch.through:\n",
        (INGESTERS,),
    ),
    Bug(
        "offset_of_another_statement",
        "a partition's offset is folded from the facts, so a rebuild gives it again",
        f"{SQLITE}/rebuild.py",
        '"chain/clear_waiting", "topics/clear")',
        '"chain/clear_waiting")',
        (SQLITE_ONLY, "-k", "TestIngesting"),
    ),
    Bug(
        "another_event_under_the_id_dropped",
        "an id that says something else is parked and not taken for a repetition",
        "adapters/ensue_adapters/sql/ingesting.py",
        "        if not clashes:\n",
        "        if clashes or not clashes:\n",
        (SQLITE_ONLY, "-k", "TestIngesting"),
    ),
    Bug(
        "letters_after_the_offset",
        "what cannot be read lies in the dead-letter topic before the offset moves past it",
        f"{INGEST}/ingester.py",
        "                await self._topic.park(letters)\n            outcomes = "
        "await self._store.offsets.ingest([each.batch for each in made])\n",
        "                pass\n            outcomes = await self._store.offsets.ingest([each.batch for each in made])\n"
        "            await self._topic.park(letters)\n",
        (INGESTERS,),
    ),
    Bug(
        "void_batch_passed_over",
        "where a batch is void, its partition is read again from where the store's offset is",
        f"{INGEST}/ingester.py",
        "                    case Overtaken():\n                        void = True\n",
        "                    case Overtaken():\n                        pass\n",
        (INGESTERS,),
    ),
    Bug(
        "latest_of_each_partition_alone",
        "a partition that appears after the first reading is read from its start",
        f"{INGEST}/ingester.py",
        '        if not rows and self._declared.start == "latest":\n',
        '        if len(rows) < len(self._spans) and self._declared.start == "latest":\n',
        (INGESTERS,),
    ),
    Bug(
        "deleted_records_hidden",
        "records that the topic's retention deleted unread are a fact",
        f"{INGEST}/ingester.py",
        "            if partition in through and span.first > at + 1:\n",
        "            if False:\n",
        (INGESTERS,),
    ),
    Bug(
        "another_topic_taken_for_the_same",
        "a topic that was made anew is refused, where its offsets show it",
        f"{INGEST}/ingester.py",
        "            if span.past <= at:\n                raise TopicUnavailable(\n",
        "            if False:\n                raise TopicUnavailable(\n",
        (INGESTERS,),
    ),
    Bug(
        "event_told_by_its_id_alone",
        "an event is told from others by its source and its id together",
        f"{INGEST}/reading.py",
        'derive_keyed("cloudevent", self._namespace, event.source, event.id, *within)',
        'derive_keyed("cloudevent", self._namespace, event.id, *within)',
        ("tests/ingest/test_cloudevents.py",),
    ),
    Bug(
        "resent_is_another_event",
        "a record that is sent again has the id of the first time",
        f"{INGEST}/reading.py",
        "partition, offset, time, again = int(first[0]), int(first[1]), int(first[2]), True",
        "again = True",
        ("tests/ingest/test_plain.py",),
    ),
    Bug(
        "uncommitted_records_read",
        "of a producer's transactions only what was committed is taken in",
        f"{KAFKA}/topic.py",
        'isolation_level="read_committed"',
        'isolation_level="read_uncommitted"',
        ("tests/kafka/test_topic.py", "-k", "committed"),
    ),
    Bug(
        "topic_made_by_asking",
        "a topic that does not exist is never made by reading it",
        f"{KAFKA}/topic.py",
        "allow_auto_topic_creation=False",
        "allow_auto_topic_creation=True",
        ("tests/kafka/test_security.py", "-k", "not_made"),
    ),
    Bug(
        "password_in_the_log",
        "no level of logging shows a password",
        f"{KAFKA}/hush.py",
        'name.startswith("SaslAuthenticate")',
        'name.startswith("Nothing")',
        ("tests/kafka/test_security.py", "-k", "wrong_password"),
    ),
    # Postgres: the order of commits, locks, servers that lose something.
    Bug(
        "bigserial_tail",
        "a position is given where nobody with an earlier one can still commit",
        f"{POSTGRES_BEGINNING}/06_enter.sql",
        "CREATE FUNCTION ensue.enter(of integer, OUT head bigint, OUT moment bigint, OUT waiting boolean)\n"
        "LANGUAGE plpgsql AS $$\n"
        "DECLARE\n"
        "    next_number integer;\n"
        "BEGIN\n",
        "CREATE SEQUENCE ensue.tail;\n"
        "CREATE FUNCTION ensue.enter(of integer, OUT head bigint, OUT moment bigint, OUT waiting boolean)\n"
        "LANGUAGE plpgsql AS $$\n"
        "DECLARE\n"
        "    next_number integer;\n"
        "BEGIN\n"
        "    head := nextval('ensue.tail') - 1;\n"
        "    moment := 0;\n"
        "    waiting := EXISTS (SELECT FROM ensue.intake WHERE intake.namespace = of);\n"
        "    RETURN;\n",
        (f"{ON_POSTGRES}/test_order.py",),
    ),
    Bug(
        "append_without_draining",
        "a direct append first drains the committed intake",
        f"{POSTGRES}/transaction.py",
        "        if waiting:\n            await drain(self)\n",
        "        if waiting and self.reach:\n            await drain(self)\n",
        (f"{ON_POSTGRES}/test_order.py", f"{ON_POSTGRES}/test_intake.py"),
    ),
    Bug(
        "cursor_moved_before_commit",
        "rows and cursor of a page commit together",
        f"{POSTGRES}/views.py",
        "            if not await self._move(tx, number, before, after):\n",
        "            if not await self._writer.run_here(lambda early: self._move(early, number, before, after)):\n",
        (f"{ON_POSTGRES}/test_locks.py", "-k", "cursor"),
    ),
    Bug(
        "log_lock_in_the_statement_that_looks",
        "the log lock is a statement of its own: what looks sees what the holder before has committed",
        f"{POSTGRES_BEGINNING}/06_enter.sql",
        "    PERFORM pg_advisory_xact_lock('ensue.log'::regclass::oid::bigint << 32 | of);\n"
        "    SELECT\n"
        "        coalesce(last.position, 0), coalesce(last.time, 0),\n"
        "        EXISTS (SELECT FROM ensue.intake WHERE intake.namespace = of),\n"
        "        (SELECT number FROM ensue.partitions WHERE first = last.position + 1)\n"
        "    INTO head, moment, waiting, next_number\n"
        "    FROM (VALUES (of)) AS entered (namespace)\n",
        "    SELECT\n"
        "        coalesce(last.position, 0), coalesce(last.time, 0),\n"
        "        EXISTS (SELECT FROM ensue.intake WHERE intake.namespace = of),\n"
        "        (SELECT number FROM ensue.partitions WHERE first = last.position + 1)\n"
        "    INTO head, moment, waiting, next_number\n"
        "    FROM (\n"
        "        SELECT of, pg_advisory_xact_lock('ensue.log'::regclass::oid::bigint << 32 | of) OFFSET 0\n"
        "    ) AS entered (namespace)\n",
        (f"{ON_POSTGRES}/test_locks.py", "-k", "append"),
    ),
    Bug(
        "decides_without_seeing_a_partition",
        "a session that does not see all partitions of the log decides nothing",
        f"{POSTGRES_BEGINNING}/06_enter.sql",
        "    IF next_number IS NOT NULL AND ensue.holds(next_number, of) THEN\n",
        "    IF next_number IS NULL AND ensue.holds(next_number, of) THEN\n",
        (f"{ON_POSTGRES}/test_schema.py", "-k", "misses_a_partition"),
    ),
    Bug(
        "clock_not_checked_under_the_lock",
        "that nothing unread is older than a Step's clock is seen under the log lock",
        f"{POSTGRES_BEGINNING}/14_enter_step.sql",
        "    SELECT * INTO head, moment, waiting FROM ensue.enter(of);\n",
        "    IF NOT EXISTS (\n"
        "        SELECT FROM ensue.log\n"
        "        WHERE log.namespace = of AND log.position = read + 1 AND log.time < enter_step.clock\n"
        "    ) THEN\n"
        "        SELECT * INTO head, moment, waiting FROM ensue.enter(of);\n"
        "        verdict := 'fits';\n"
        "        RETURN;\n"
        "    END IF;\n"
        "    SELECT * INTO head, moment, waiting FROM ensue.enter(of);\n",
        (f"{ON_POSTGRES}/test_locks.py", "-k", "outrun"),
    ),
    Bug(
        "stale_attempt_accepted",
        "the first end of an attempt counts, on Postgres too",
        f"{POSTGRES}/work.py",
        "                counts = until is not None and (until <= now or not each.if_expired)\n",
        "                counts = True\n                current.setdefault((each.invocation, each.attempt), 0)\n",
        (POSTGRES_ONLY, "-k", "attempt or end or lease"),
    ),
    Bug(
        "lock_order_reversed",
        "rows are locked before the log",
        f"{POSTGRES}/work.py",
        "            current = await _lock(tx, [each.invocation for each in ends])\n",
        "            await tx.enter()\n            current = await _lock(tx, [each.invocation for each in ends])\n",
        (f"{ON_POSTGRES}/test_locks.py",),
    ),
    Bug(
        "lost_tail_not_noticed",
        "a server that lost what this process has seen is refused",
        f"{POSTGRES}/witness.py",
        "        if head < seen:\n",
        "        if False:\n",
        (f"{ON_POSTGRES}/test_failover.py", "-k", "lost_a_tail"),
    ),
    Bug(
        "replaced_tail_not_noticed",
        "a server whose log was written over is refused",
        f"{POSTGRES}/witness.py",
        "        if found is not None and position and found != id:\n",
        "        if False:\n",
        (f"{ON_POSTGRES}/test_failover.py", "-k", "written_over"),
    ),
    Bug(
        "commit_cancelled_while_it_waits",
        "a commit that waits for its standby is not cancelled: it would be seen, and no standby would have it",
        f"{POSTGRES}/connections.py",
        "            if isinstance(error, (CommitUnknown, TimeoutError)) or is_gone(error):\n",
        "            if is_gone(error):\n",
        (f"{ON_POSTGRES}/test_failover.py", "-k", "confirmed"),
    ),
    Bug(
        "read_acknowledged_as_it_is",
        "what was only read is acknowledged once a commit after it has been",
        f"{POSTGRES}/transaction.py",
        "        if not fresh:\n            await self.confirm()\n",
        "",
        (f"{ON_POSTGRES}/test_failover.py", "-k", "recovered"),
    ),
    Bug(
        "each_host_its_own_time",
        "all hosts go by the server's clock",
        f"{POSTGRES}/store.py",
        "ServerClock(clock) if isinstance(clock, SystemClock) else clock",
        "clock",
        (f"{ON_POSTGRES}/test_straits.py", "-k", "clock"),
    ),
    # Postgres: what goes in one round trip.
    Bug(
        "start_names_a_place_in_its_step",
        "a start says where its invocation was created, wherever its Step lands",
        f"{TRIPS}/01_put.sql",
        "(head + each.place - each.back)::text",
        "(each.place - each.back)::text",
        (ON_TRIPS, "-k", "start_names"),
    ),
    Bug(
        "trip_before_the_intake",
        "what goes in one round trip first lets in what the intake holds",
        f"{TRIPS}/02_append.sql",
        "    IF waiting OR head < seen THEN\n"
        "        head := NULL;\n"
        "        RETURN;\n"
        "    END IF;\n"
        "    moment := greatest(now, moment);\n"
        "    PERFORM ensue.put(",
        "    IF head < seen THEN\n"
        "        head := NULL;\n"
        "        RETURN;\n"
        "    END IF;\n"
        "    moment := greatest(now, moment);\n"
        "    PERFORM ensue.put(",
        (ON_TRIPS, "-k", "intake"),
    ),
    Bug(
        "trip_on_a_lost_log",
        "nothing is done on a server that lost what this process has seen, in one round trip neither",
        f"{TRIPS}/03_commit_step.sql",
        "    IF head < seen THEN\n        verdict := NULL;\n    END IF;\n",
        "",
        (ON_TRIPS, "-k", "lacks"),
    ),
    Bug(
        "all_seen_taken_for_won",
        "a claimer gets what it has begun, not what another was quicker to begin",
        f"{POSTGRES}/trips.py",
        "[place - 1 for place in row[0]]",
        "list(range(len(rows) if row[0] else 0))",
        (ON_TRIPS, "-k", "another_took"),
    ),
    Bug(
        "late_end_with_others",
        "an end that came too late counts for nothing, among others that are in time",
        f"{TRIPS}/05_finish_work.sql",
        "    IF current <> cardinality(invocations) THEN\n        RETURN;\n    END IF;\n",
        "",
        (ON_TRIPS, "-k", "late_end"),
    ),
    Bug(
        "everybody_told_but_others",
        "other engines are told of a commit",
        f"{TRIPS}/02_append.sql",
        "    IF invocations IS NOT NULL THEN\n"
        "        PERFORM ensue.put_work(\n"
        "            of, head, moment, invocations, tasks, dues, places, depths, origins, begun, '', 0\n"
        "        );\n"
        "    END IF;\n"
        "    PERFORM pg_notify(other.channel, '') FROM ensue.listeners AS other\n"
        "    WHERE other.namespace = of AND other.channel <> mine;\n",
        "    IF invocations IS NOT NULL THEN\n"
        "        PERFORM ensue.put_work(\n"
        "            of, head, moment, invocations, tasks, dues, places, depths, origins, begun, '', 0\n"
        "        );\n"
        "    END IF;\n"
        "    PERFORM pg_notify(mine, '');\n",
        (ON_TRIPS, "-k", "told"),
    ),
    Bug(
        "rows_only_copied",
        "a view's row that was there already is written over, though its page seemed to make it",
        f"{POSTGRES}/views.py",
        "([], list(some.values())) if tx.careful else split(table, rows, before.position)",
        "split(table, rows, before.position)",
        (ON_TRIPS, "-k", "looked_new"),
    ),
    # Transactions of the caller's.
    Bug(
        "connection_leads_elsewhere",
        "nothing is handed over on a connection to another database than the engine's",
        f"{POSTGRES}/sql/migrations/0002_callers/02_hand_over.sql",
        "    IF place IS DISTINCT FROM ensue.place() THEN\n",
        "    IF place IS NULL THEN\n",
        (BAD_CONNECTIONS, "-k", "another_database"),
    ),
    Bug(
        "connection_without_a_transaction",
        "an emit with connection= is never committed by itself",
        f"{POSTGRES}/callers.py",
        "            if not connection.is_in_transaction():\n                raise BadConnection(NO_TRANSACTION)\n",
        "",
        (BAD_CONNECTIONS, "-k", "without_a_transaction"),
    ),
    Bug(
        "connection_that_commits_by_itself",
        "the same, where the library begins a transaction and the driver does not",
        f"{POSTGRES}/callers.py",
        '    if getattr(connection.connection.dbapi_connection, "autocommit", False):\n',
        "    if False:\n",
        (BAD_CONNECTIONS, "-k", "commits_by_itself"),
    ),
    Bug(
        "committed_key_unknown",
        "a key that a committed transaction has used is known to the next one, whether it has entered the log or not",
        f"{POSTGRES}/outbox.py",
        "            await tx.enter()  # what is committed in the intake has its place from here on\n",
        "",
        (CALLERS, "-k", "key"),
    ),
    Bug(
        "question_passes_by_the_intake",
        "what a transaction brought is found right after its commit, though nobody runs",
        f"{POSTGRES}/log.py",
        "        if waiting:\n",
        "        if False:\n",
        (CALLERS, "-k", "right_after"),
    ),
    Bug(
        "settled_before_it_is_there",
        "an event whose transaction has not committed is not settled",
        "engine/ensue/settled.py",
        " or not self._is_there",
        "",
        (CALLERS, "-k", "rollback"),
    ),
    Bug(
        "commit_behind_a_pooler_unheard",
        "a user's commit is heard whichever connection of a pooler carried it",
        f"{POSTGRES}/listener.py",
        "        if pid == self.pid:\n",
        "        if channel == self._space.channel or pid == self.pid:\n",
        ("tests/postgres/test_pooler.py", "-k", "users"),
    ),
    Bug(
        "statements_left_behind_a_pooler",
        "no prepared statement is left on a connection that a pooler shares",
        f"{POSTGRES}/connections.py",
        '"statement_cache_size": 0 if place.pooled else 1024',
        '"statement_cache_size": 1024',
        (PGBOUNCER, "-k", "nothing_is_left"),
    ),
    Bug(
        "setting_left_behind_a_pooler",
        "no setting is left on a connection that a pooler shares",
        f"{POSTGRES}/sql/store/begin_pooled.sql",
        "SET LOCAL lock_timeout",
        "SET lock_timeout",
        (PGBOUNCER, "-k", "nothing_is_left"),
    ),
    Bug(
        "snapshot_without_bounds_behind_a_pooler",
        "each transaction behind a pooler has the bounds of a direct connection",
        f"{POSTGRES}/sql/store/snapshot.sql",
        "SET LOCAL statement_timeout = '30s';\n",
        "",
        (PGBOUNCER, "-k", "bounds"),
    ),
    Bug(
        "dropped_settings_unnoticed",
        "a pooler that drops the settings of a connection is refused, in one sentence",
        f"{POSTGRES}/connections.py",
        "row[0] != self._lock_timeout",
        'row[0] == ""',
        (PGBOUNCER, "-k", "wrong_mode"),
    ),
    Bug(
        "statement_mode_unnamed",
        "a pooler that shares connections by statement is refused, in one sentence",
        f"{POSTGRES}/trouble.py",
        'case _ if "statement pooling" in str(error):',
        'case asyncpg.FeatureNotSupportedError() if "pooling" in str(error):',
        (PGBOUNCER, "-k", "wrong_mode"),
    ),
    Bug(
        "archive_may_write",
        "an archive's transactions may write nothing",
        f"{POSTGRES}/sql/store/read_only.sql",
        "REPEATABLE READ READ ONLY",
        "REPEATABLE READ",
        (PGBOUNCER, "-k", "archive"),
    ),
    Bug(
        "outbox_tells_nobody",
        "an idle namespace sees its outbox at the commit, not at the next poll",
        f"{POSTGRES}/sql/migrations/0001_beginning/08_intake.sql",
        "    PERFORM pg_notify(TG_TABLE_SCHEMA || '.' || namespace, '')",
        "    PERFORM namespace",
        (CALLERS, "-k", "one_look"),
    ),
    # Replay.
    Bug(
        "fold_reads_the_clock",
        "a fold of the log gives the same rows whenever it is made",
        f"{FOLDS}/invocations.py",
        "                started = started or record.time\n",
        "                started = started or __import__('time').time_ns()\n",
        (f"{REPLAY}/test_verify.py", "-k", "agree or process"),
    ),
    Bug(
        "fold_iterates_a_set",
        "a fold of the log gives the same rows in every process",
        f"{FOLDS}/runs.py",
        "        for place, each in enumerate(participants):\n",
        "        for place, each in enumerate({*participants}):\n",
        (f"{REPLAY}/test_verify.py", "tests/projections", "-k", "process or participant or run"),
    ),
    Bug(
        "changed_fact_passes",
        "a Step's id is the digest of what it holds, so that a changed fact shows",
        f"{FOLDS}/soundness.py",
        "        elif _step_id(fact, held) != record.id:\n",
        "        elif False:\n",
        (f"{REPLAY}/test_verify.py", "-k", "flaw"),
    ),
    Bug(
        "participants_unchecked",
        "what a decision names stands in the log before it",
        f"{FOLDS}/soundness.py",
        "        if source == part.source:\n",
        "        if source is not None or part.source:\n",
        (f"{REPLAY}/test_verify.py", "-k", "flaw or remembered"),
    ),
    Bug(
        "closed_rows_forgotten",
        "a row that no record changes any more counts in its view's digest",
        f"{FOLDS}/whole.py",
        "        self.sums[table].add(closed)\n",
        "",
        (f"{REPLAY}/test_verify.py", "-k", "agree"),
    ),
    Bug(
        "decision_taken_anew",
        "a fold takes what was decided, and decides nothing again: from where a trigger counts is recorded",
        f"{FOLDS}/chain.py",
        "                begins=fact.begins,\n",
        "                begins=record.position,\n",
        (f"{REPLAY}/test_corpus.py",),
    ),
    Bug(
        "fact_read_otherwise",
        "logs that earlier versions wrote give what they gave",
        "engine/ensue_core/facts.py",
        '    index: int = 0\n    author: str = ""\n',
        '    index: int = msgspec.field(default=0, name="place")\n    author: str | None = None\n',
        (f"{REPLAY}/test_corpus.py",),
    ),
    Bug(
        "snapshot_seal_unchecked",
        "a snapshot that is damaged is refused",
        f"{PAST}/sealed.py",
        "    return digest.digest() == file.read(_SEAL)\n",
        "    return len(file.read(_SEAL)) == _SEAL\n",
        (f"{REPLAY}/test_snapshots.py", "-k", "damaged"),
    ),
    Bug(
        "snapshot_of_any_log",
        "a snapshot of another log is refused",
        f"{PAST}/snapshots.py",
        "    if record is None or record.id != header.id:\n",
        "    if record is None:\n",
        (f"{REPLAY}/test_snapshots.py", "-k", "another_log"),
    ),
    Bug(
        "snapshot_rows_unchecked",
        "a verification starts only from rows that are what a snapshot says",
        f"{PAST}/snapshots.py",
        "        if {**fold.queries.digests(), **fold.decisions()} != header.digests:\n",
        "        if fold.decisions() == {}:\n",
        (f"{REPLAY}/test_snapshots.py", "-k", "not_its_digests"),
    ),
    Bug(
        "filled_rows_unchecked",
        "a rebuild starts only from rows that are what a snapshot says",
        f"{PAST}/rebuild.py",
        "    if any(total.digest() != found.header.digests[table] for table, total in totals.items()):\n",
        "    if not totals:\n",
        (f"{REPLAY}/test_snapshots.py", "-k", "not_its_digests"),
    ),
    Bug(
        "half_filled_goes_on",
        "a generation that was being filled from a snapshot when somebody died is not folded on",
        f"{PAST}/rebuild.py",
        " and generation.cursor is not None and generation.cursor.position > 0\n",
        "\n",
        (f"{REPLAY}/test_snapshots.py", "-k", "begins_anew"),
    ),
    Bug(
        "snapshot_of_wrong_views",
        "a snapshot is taken only of views that are as the log says",
        f"{PAST}/snapshots.py",
        "                if total.digest() != digests[table]:\n",
        "                if total.rows != digests[table].rows:\n",
        (f"{REPLAY}/test_snapshots.py", "-k", "not_as_the_log_says"),
    ),
    Bug(
        "what_failed_is_forgotten",
        "a snapshot knows all that a check of later records needs",
        f"{FOLDS}/soundness.py",
        "        self._said = [\n            (Record(each.position",
        "        self._said = [] and [\n            (Record(each.position",
        (f"{REPLAY}/test_snapshots.py", "-k", "anywhere"),
    ),
    Bug(
        "live_views_run_ahead",
        "live views that are held for a switch stand still",
        f"{SQLITE}/sql/views/move_live_cursor.sql",
        "until > ?8",
        "until < ?8",
        (SQLITE_ONLY, "-k", "held or still"),
    ),
    Bug(
        "live_views_run_ahead_on_postgres",
        "the same, on Postgres",
        f"{POSTGRES}/sql/views/move_live_cursor.sql",
        "until > :now",
        "until < :now",
        (POSTGRES_ONLY, "-k", "held or still"),
    ),
    Bug(
        "cursor_taken_from_a_view",
        "a new generation is folded from the log's beginning, not from where the live views stand",
        f"{MEMORY}/store.py",
        "        found.tables[found.beside] = ViewTables()\n",
        "        found.tables[found.beside] = ViewTables()\n"
        "        found.tables[found.beside].cursors = dict(space.views.cursors)\n",
        (f"{REPLAY}/test_rebuild.py", "-k", "however or untouched"),
    ),
    Bug(
        "switched_before_it_has_caught_up",
        "nobody is shown less after a switch than before",
        f"{SQLITE}/generations.py",
        "old.version == new.version and old.position > new.position",
        "old.version == new.version and not new",
        (SQLITE_ONLY, "-k", "Generations"),
    ),
    Bug(
        "slots_decided_anew",
        "a backtest takes the slots of an unchanged schedule as they ticked",
        "engine/ensue/replay/past.py",
        "        if recorded is None:\n",
        "        if recorded is None or recorded:\n",
        (f"{REPLAY}/test_backtest.py", "-k", "town"),
    ),
    Bug(
        "asked_twice_after_catching_up",
        "a backtest asks a trigger that lagged about each record once",
        "engine/ensue/replay/backtest.py",
        "            if tape is None or tape.position != start.position:\n",
        "            if tape is None or tape.position > start.position:\n",
        (f"{REPLAY}/test_backtest.py", "-k", "not_asked"),
    ),
    Bug(
        "skipped_past_is_asked",
        "a backtest asks nobody about what a resume from now passed",
        "engine/ensue/replay/backtest.py",
        "            self._main.skip(fact.through.position)  # nobody was asked, those that lag behind neither\n",
        "            await self._lanes_of(fact, ends)\n            self._main.skip(fact.through.position)\n",
        (f"{REPLAY}/test_backtest.py", "-k", "not_asked"),
    ),
    Bug(
        "denied_for_another_key",
        "an explanation of a join names what denied a partner of its own key",
        f"{PAST}/partners.py",
        "    if key_in(listens.condition, occurrence, upstream, {}) != key:\n",
        "    if key_in(listens.condition, occurrence, upstream, {}) is None:\n",
        (f"{REPLAY}/test_explain.py", "-k", "denied"),
    ),
    Bug(
        "explains_with_the_wrong_test",
        "an explanation names the first test that blocked",
        "engine/ensue/replay/judging.py",
        "        if not passes(Subset({path: test}), value):\n",
        "        if passes(Subset({path: test}), value) or len(filter_.tests) == 1:\n",
        (f"{REPLAY}/test_explain.py", "-k", "blocks or invocation"),
    ),
    # Kafka as the log.
    Bug(
        "void_step_folded",
        "a Step counts only if it follows the last one that counted",
        f"{FOLDS}/registers.py",
        "        if self._steps.get(request.service, NO_ID) != request.after:\n            return NotFollowed()\n",
        "",
        (BROKER_ONLY, "-k", "Superseded or Steps"),
    ),
    Bug(
        "late_produce_accepted",
        "a record that lands long after its sender gave it up changes nothing",
        f"{FOLDS}/registers.py",
        "        if row is None or row.started or row.attempt != fact.attempt:\n            return Counted(False)\n"
        "        return self._stand_once(request.draft",
        "        if row is None:\n            return Counted(False)\n        return self._stand_once(request.draft",
        (ON_KAFKA_SIMULATED, "-k", "short_campaign and Kafka"),
    ),
    Bug(
        "offsets_committed_before_rows",
        "how far the topics are folded stands with the rows, in one transaction",
        f"{SQLITE}/folded.py",
        "    tx.stand(registers.runs)\n    after = keeping.moved(before, folding, registers.head.position)\n"
        "    offsets, horizon = keeping.order_text(after.order), after.order.horizon\n"
        "    run, namespace = tx.connection.execute, tx.namespace\n"
        '    run(sql("fold/move"), (namespace, after.version, after.lines, offsets, horizon, after.position))\n',
        "    after = keeping.moved(before, folding, registers.head.position)\n"
        "    offsets, horizon = keeping.order_text(after.order), after.order.horizon\n"
        "    run, namespace = tx.connection.execute, tx.namespace\n"
        '    run(sql("fold/move"), (namespace, after.version, after.lines, offsets, horizon, after.position))\n'
        '    run("COMMIT")\n    run("BEGIN IMMEDIATE")\n    run("SAVEPOINT fold")\n'
        "    tx.stand(registers.runs)\n",
        (BROKER_LOG, "-k", "offsets_stand"),
    ),
    Bug(
        "unreadable_record_stops_the_fold",
        "a record that cannot be read is parked as a fact, and the log goes on",
        f"{BROKER}/envelopes.py",
        "    except (msgspec.MsgspecError, ValueError, RecursionError) as error:\n        return _parked(",
        "    except RecursionError as error:\n        return _parked(",
        (BROKER_LOG, "-k", "cannot_be_read"),
    ),
    Bug(
        "end_read_raw_after_lost",
        "an end counts for the attempt that is current and started: not after a LOST before it",
        f"{FOLDS}/registers.py",
        "        if row is None or not row.started or row.attempt != fact.attempt:\n            return Counted(False)\n"
        "        if request.start",
        "        if row is None:\n            return Counted(False)\n        if request.start",
        (BROKER_ONLY, "-k", "Ending or LeaseOfWork"),
    ),
    Bug(
        "end_of_a_stranger_counts",
        "an end that names its start counts only where that very start owns the attempt",
        f"{FOLDS}/registers.py",
        "        if request.start and not _starts(self._standing.get(request.start), fact):\n"
        "            return Counted(False)\n",
        "",
        (BROKER_LOG, "-k", "own_the_attempt"),
    ),
    Bug(
        "body_runs_without_its_start",
        "a body runs only where its own start was found to own the attempt",
        f"{BROKER}/work.py",
        "for row, start, verdict in zip(rows, starts, verdicts, strict=True) if _counts(verdict)]",
        "for row, start, verdict in zip(rows, starts, verdicts, strict=True) if verdict]",
        (ON_KAFKA_SIMULATED, "-k", "short_campaign and Kafka"),
    ),
    Bug(
        "buffered_events_beside_the_end",
        "what a task has buffered comes with its success, or not at all",
        f"{BROKER}/work.py",
        "        finishes = [\n",
        "        for each in sent:\n"
        "            if each.buffered:\n"
        "                await self._outbox.ask(\n"
        "                    self._lines.of(ATTEMPTS, each.invocation), __import__(\n"
        '                        "ensue_projections.requests", fromlist=["Append"]\n'
        "                    ).Append(tuple(each.buffered))\n"
        "                )\n"
        "        finishes = [\n",
        (BROKER_ONLY, "-k", "Ending or Buffer"),
    ),
    Bug(
        "repeated_produce_is_a_second_event",
        "the first draft of an id stands, whatever lands again",
        f"{FOLDS}/registers.py",
        "            if each.id not in self._standing and each.id not in first:\n",
        "            if each.id not in first:\n",
        (BROKER_LOG, "-k", "lands_again"),
    ),
    Bug(
        "deadline_passes_on_a_lagging_partition",
        "time passes only as far as every partition has been read",
        f"{FOLDS}/ordering.py",
        "        horizon = min((self._times.get(line, 0) for line in self._lines), default=0)\n",
        "        horizon = max((self._times.get(line, 0) for line in self._lines), default=0)\n",
        (BROKER_LOG, "-k", "lags"),
    ),
    Bug(
        "time_passes_inside_a_batch",
        "inside a batch, time passes only as far as nothing that comes later in it happened before",
        f"{SCHEDULER}/decide.py",
        "        if self._horizon == FOREVER:\n            return None\n",
        "        if self._horizon:\n            return None\n",
        (ON_KAFKA_SIMULATED, "-k", "short_campaign and Kafka"),
    ),
    Bug(
        "ingest_gap_hidden",
        "a batch counts if its source offset stands where it begins: no later one hides a gap",
        f"{FOLDS}/registers.py",
        "        if through != batch.after:\n            return Turned(through=through)\n",
        "        if through >= batch.through:\n            return Turned(through=through)\n",
        (BROKER_ONLY, "-k", "Ingesting"),
    ),
    Bug(
        "mark_placed_before_it_is_read",
        "a reader that knows a mark waits until it has read what the mark covers",
        f"{BROKER}/unread.py",
        "            if any(line not in self._held or self._ends[line] < upto for line, (_, upto) in places.items()):\n"
        "                break\n",
        "",
        (ON_KAFKA_SIMULATED, "-k", "short_campaign and Kafka"),
    ),
    Bug(
        "doubt_ends_the_sending",
        "a request in doubt is sent until it is known to stand",
        f"{BROKER}/outbox.py",
        "            except (InDoubt, Unsent) as error:\n                doubt = doubt",
        "            except Unsent as error:\n                doubt = doubt",
        (ON_KAFKA_SIMULATED, "-k", "short_campaign and Kafka"),
    ),
)
"""Every planted bug."""
