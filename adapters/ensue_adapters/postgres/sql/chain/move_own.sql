-- How far a lagging trigger has been asked.
UPDATE ensue.triggers SET own = :own WHERE namespace = :namespace AND service = :service AND trigger = :trigger;
