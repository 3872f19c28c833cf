-- What a poll's timer remembers: its unfinished answers, as JSON; empty for a cron's.
ALTER TABLE timers ADD COLUMN note TEXT NOT NULL DEFAULT '';
