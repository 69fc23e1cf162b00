-- Every job with a row that breaks a rule. Rules that every row keeps are not asked.
WITH found AS (
    INSERT INTO set_aside (job, reason)
    SELECT r.job, min(r.reason) FROM rotten() r JOIN jobs j ON j.id = r.job GROUP BY r.job
    ON CONFLICT DO NOTHING RETURNING job, reason
)
INSERT INTO events (tenant, job, kind, details, is_alarm, at)
SELECT j.tenant, j.id, 'setAside', jsonb_build_object('reason', f.reason), true, now() FROM found f JOIN jobs j ON j.id = f.job
