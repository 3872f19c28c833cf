-- Put drafts into the intake, inside the transaction of a user's connection.
SELECT ensue.hand_over(CAST(:place AS text), CAST(:app_id AS text), CAST(:drafts AS text));
