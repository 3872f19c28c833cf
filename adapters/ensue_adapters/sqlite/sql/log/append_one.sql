-- Append one record: (place, id, time, kind, version, cause, root, data).
INSERT INTO log (place, id, time, kind, version, cause, root, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);
