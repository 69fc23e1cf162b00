-- $1 tenant, $2 job or NULL, $3 after this id, $4 limit.
SELECT id, job, step, kind, details, is_alarm, micros(at) AS at
FROM events WHERE tenant = $1 AND ($2::uuid IS NULL OR job = $2) AND id > $3 ORDER BY id LIMIT $4
