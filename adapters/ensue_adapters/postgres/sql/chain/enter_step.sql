-- Begin the commit of a Step (migrations/0001_beginning/14_enter_step.sql).
SELECT verdict, head, moment, waiting FROM ensue.enter_step(:namespace, :service, :follows::uuid, :read, :clock);
