-- The record with an id.
SELECT position, id, time, data, cause, root, version FROM ensue.log WHERE namespace = :namespace AND id = :id;
