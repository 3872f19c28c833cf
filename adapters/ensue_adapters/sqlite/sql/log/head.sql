-- The namespace's last place and its time: (first place, last place of the namespace).
SELECT place, time FROM log WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT 1;
