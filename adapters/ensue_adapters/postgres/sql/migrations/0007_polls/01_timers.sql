-- What a poll's timer remembers: its unfinished answers, as JSON; empty for a cron's.
ALTER TABLE ensue.timers ADD COLUMN note text NOT NULL DEFAULT '';
