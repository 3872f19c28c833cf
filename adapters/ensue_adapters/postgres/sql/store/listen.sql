-- Say that this session listens on a channel (migrations/0005_single_trips/00_listeners.sql).
SELECT ensue.listen(:namespace, :mine);
