-- $1 jsonb: [{job, step, token, progress}]; those with a dead token change nothing.
INSERT INTO progress (job, step, token, state, saved_at)
SELECT s.job, s.id, s.token, x.progress, now()
FROM jsonb_to_recordset($1::jsonb) AS x(job uuid, step text, token bigint, progress jsonb)
JOIN steps s ON s.job = x.job AND s.id = x.step AND s.token = x.token AND s.state = 'running'
ORDER BY s.job, s.id
ON CONFLICT (job, step) DO UPDATE SET token = excluded.token, state = excluded.state, saved_at = excluded.saved_at
