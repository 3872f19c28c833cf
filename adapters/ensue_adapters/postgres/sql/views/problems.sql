-- Recent problems, newest first.
SELECT
    problems.position, problems.time, problems.kind, problems.trigger, problems.reason, problems.error
FROM ensue.problems
WHERE namespace = :namespace AND position < coalesce(:before, 9223372036854775807) ORDER BY position DESC LIMIT :limit;
