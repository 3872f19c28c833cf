-- The first position at or after a time (migrations/0001_beginning/16_position_at.sql).
SELECT ensue.position_at(:namespace, :time);
