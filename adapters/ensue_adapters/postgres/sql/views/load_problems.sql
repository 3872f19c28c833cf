-- Problems by key.
SELECT
    problems.position, problems.time, problems.kind, problems.trigger, problems.reason, problems.error
FROM unnest(:position::bigint[]) AS wanted (position)
JOIN ensue.problems ON problems.namespace = :namespace AND problems.position = wanted.position;
