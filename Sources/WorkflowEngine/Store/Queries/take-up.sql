-- $1 job, $2 by whom.
WITH freed AS (
    DELETE FROM set_aside WHERE job = $1::uuid RETURNING job
)
INSERT INTO events (tenant, job, kind, details, is_alarm, at)
SELECT j.tenant, j.id, 'takenUp', jsonb_build_object('by', $2::text), false, now() FROM freed f JOIN jobs j ON j.id = f.job
RETURNING job
