-- $1 job, $2 step, $3 token, $4 state. No row: the token is not the live one.
WITH live AS (
    SELECT job, id FROM steps WHERE job = $1::uuid AND id = $2 AND token = $3::bigint AND state = 'running' FOR SHARE
)
INSERT INTO checkpoints (job, step, token, state, saved_at)
SELECT job, id, $3::bigint, $4::jsonb, now() FROM live
ON CONFLICT (job, step) DO UPDATE SET token = excluded.token, state = excluded.state, saved_at = excluded.saved_at
RETURNING 1 AS saved
