-- Where our own connections lead: a user's connection must lead there, too.
SELECT ensue.place();
