-- $1 job, $2 version, $3 when time changes something of it next. For a row that says something else than what its job does.
UPDATE jobs SET tick_at = instant($3::bigint)
WHERE id = $1::uuid AND version = $2::bigint AND tick_at IS DISTINCT FROM instant($3::bigint)
