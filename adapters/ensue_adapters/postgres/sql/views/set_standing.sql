-- Say which generations there are.
UPDATE ensue.generations SET live = :live, kept = :kept, beside = :beside WHERE namespace = :namespace;
