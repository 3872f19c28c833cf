-- The namespace's last position and its time.
SELECT position, time FROM ensue.log WHERE namespace = :namespace ORDER BY position DESC LIMIT 1;
