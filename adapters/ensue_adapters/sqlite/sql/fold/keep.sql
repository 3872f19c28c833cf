-- Keep what became of envelopes, a row of placeholders each (rows.py repeats it); of a copy nothing.
INSERT INTO verdicts (namespace, envelope, time, verdicts)
VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;
