-- $1 job, $2 version, $3 run. Nothing moves that has changed since, or that still owes an undo.
WITH old AS (
    SELECT * FROM jobs j
    WHERE j.id = $1::uuid AND j.version = $2::bigint AND j.ended_at IS NOT NULL AND j.cleanup IN ('clean', 'abandoned')
        AND NOT EXISTS (SELECT FROM compensations c WHERE c.job = j.id AND c.undone_at IS NULL)
    FOR UPDATE
), moved AS (
    INSERT INTO history (tenant, id, plan, pipeline, origin, owner, parameters, outcome, created_at, ended_at, steps, run, attempts, undone, maker, seal)
    SELECT o.tenant, o.id, o.plan, o.pipeline, o.origin, o.owner, o.parameters, o.outcome, o.created_at, o.ended_at,
        (SELECT count(*) FROM steps s WHERE s.job = o.id AND s.class > 0), $3::jsonb,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('step', t.step, 'number', t.number, 'token', t.token, 'worker', t.worker,
            'startedAt', micros(t.started_at), 'endedAt', micros(t.ended_at), 'outcome', t.outcome, 'error', t.error) ORDER BY t.token), '[]')
         FROM attempts t WHERE t.job = o.id),
        (SELECT coalesce(jsonb_agg(to_jsonb(c) - 'job' ORDER BY c.position), '[]') FROM compensations c WHERE c.job = o.id),
        o.maker, o.seal
    FROM old o
    RETURNING id
), undone AS (
    DELETE FROM compensations c USING moved m WHERE c.job = m.id
), gone AS (
    DELETE FROM jobs j USING moved m WHERE j.id = m.id
)
SELECT id FROM moved
