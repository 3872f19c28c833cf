-- Tell those who listen, at the commit.
SELECT pg_notify(:channel, '');
