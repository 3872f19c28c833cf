-- Give a lease up.
DELETE FROM ensue.leases WHERE namespace = :namespace AND name = :name AND holder = :holder;
