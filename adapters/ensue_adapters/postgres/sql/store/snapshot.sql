-- A transaction whose statements all see one moment; questions of people are planned for what they ask.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL plan_cache_mode = force_custom_plan;
