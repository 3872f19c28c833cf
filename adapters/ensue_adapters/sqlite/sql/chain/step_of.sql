-- The id of a chain's last effective Step: (namespace, service).
SELECT step FROM chains WHERE namespace = ?1 AND service = ?2;
