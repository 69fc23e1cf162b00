-- $1 interval since the end, $2 limit.
SELECT id FROM jobs
WHERE ended_at IS NOT NULL AND ended_at <= now() - $1::interval AND cleanup IN ('clean', 'abandoned')
    AND NOT EXISTS (SELECT FROM compensations c WHERE c.job = jobs.id AND c.undone_at IS NULL)
    AND NOT EXISTS (SELECT FROM set_aside a WHERE a.job = jobs.id)
ORDER BY ended_at LIMIT $2
