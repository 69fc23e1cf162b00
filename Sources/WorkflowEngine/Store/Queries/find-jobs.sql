-- $1: the beginning or the end of an id, $2 tenant.
SELECT id FROM (SELECT id FROM jobs WHERE tenant = $2 UNION ALL SELECT id FROM history WHERE tenant = $2) x
WHERE id::text LIKE $1 || '%' OR id::text LIKE '%' || $1
LIMIT 2
