-- $1 job, $2 step or NULL, $3 after this id, $4 limit.
SELECT id, step, attempt, level, message, micros(at) AS at
FROM logs WHERE job = $1::uuid AND ($2::text IS NULL OR step = $2) AND id > $3 ORDER BY id LIMIT $4
