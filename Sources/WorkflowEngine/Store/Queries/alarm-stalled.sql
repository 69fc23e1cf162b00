-- $1 jsonb: [{job, step, isUndo, reason}]. Those of which the job's journal says nothing yet; their places in the list.
WITH found AS (
    SELECT x.place, j.tenant, j.id AS job, x.stall ->> 'step' AS step,
        jsonb_build_object('reason', x.stall -> 'reason', 'isUndo', x.stall -> 'isUndo') AS details
    FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS x(stall, place)
    JOIN jobs j ON j.id = (x.stall ->> 'job')::uuid
), news AS (
    SELECT * FROM found f
    WHERE NOT EXISTS (SELECT FROM events e WHERE e.job = f.job AND e.kind = 'stalled' AND e.details = f.details)
), told AS (
    INSERT INTO events (tenant, job, step, kind, details, is_alarm, at)
    SELECT tenant, job, step, 'stalled', details, true, now() FROM news ORDER BY place
)
SELECT place FROM news ORDER BY place
