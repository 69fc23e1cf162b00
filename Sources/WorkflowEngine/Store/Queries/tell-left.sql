-- $1 jsonb: [{job, step, worker, reason}]: steps that a worker leaves to others. What the journal says already is not said again.
INSERT INTO events (tenant, job, step, kind, details, is_alarm, at)
SELECT j.tenant, j.id, x ->> 'step', 'left', jsonb_build_object('worker', x -> 'worker', 'reason', x -> 'reason'), false, now()
FROM jsonb_array_elements($1::jsonb) AS x
JOIN jobs j ON j.id = (x ->> 'job')::uuid
WHERE NOT EXISTS (
    SELECT FROM events e
    WHERE e.job = j.id AND e.kind = 'left' AND e.step = x ->> 'step'
        AND e.details = jsonb_build_object('worker', x -> 'worker', 'reason', x -> 'reason'))
