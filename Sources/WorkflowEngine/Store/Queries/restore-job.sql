-- $1 job. Takes it out of history; the job has version 0 and no steps, a transition gives it them.
WITH old AS (DELETE FROM history WHERE id = $1::uuid RETURNING *)
INSERT INTO jobs (tenant, id, plan, pipeline, origin, owner, parameters, version, created_at, cleanup, round, last_token, armed_count, maker, seal)
SELECT tenant, id, plan, pipeline, origin, owner, parameters, 0, created_at, 'clean', 1, 0, 0, maker, seal FROM old
RETURNING (SELECT attempts FROM old) AS attempts, (SELECT undone FROM old) AS undone
