-- The last effective Step of some services; NULL before the first.
SELECT service, step FROM ensue.chains WHERE namespace = :namespace AND service = ANY(:services::text[]);
