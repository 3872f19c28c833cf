-- Append records, a row of placeholders each (rows.py repeats it).
INSERT INTO log (place, id, time, kind, version, cause, root, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);
