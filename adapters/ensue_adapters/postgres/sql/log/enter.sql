-- Take the log lock and look (migrations/0001_beginning/06_enter.sql).
SELECT head, moment, waiting FROM ensue.enter(:namespace);
