-- $1 job, $2 why. Once: the alarm is for the first finding.
WITH found AS (
    INSERT INTO set_aside (job, reason) SELECT id, $2 FROM jobs WHERE id = $1::uuid ON CONFLICT DO NOTHING RETURNING job, reason
)
INSERT INTO events (tenant, job, kind, details, is_alarm, at)
SELECT j.tenant, j.id, 'setAside', jsonb_build_object('reason', f.reason), true, now() FROM found f JOIN jobs j ON j.id = f.job
