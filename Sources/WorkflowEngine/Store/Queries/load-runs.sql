-- $1 uuid[] jobs; of each $2 bigint[] the version that is known, -1 where none is, and $3 integer[] how many steps that has. One row a job, with
-- everything that the machine needs, under the names of its own values; over a known version only what has changed since (`known` is it then, else -1).
-- Steps that were added make it whole again: what is planned is read at once or not at all.
WITH asked AS MATERIALIZED (
    SELECT j.*,
        CASE WHEN x.version <= j.version
            AND x.steps = (SELECT p.position + 1 FROM step_plans p WHERE p.job = j.id ORDER BY p.position DESC LIMIT 1)
            THEN x.version ELSE -1 END AS known
    FROM unnest($1::uuid[], $2::bigint[], $3::integer[]) AS x(job, version, steps)
    JOIN jobs j ON j.id = x.job
)
SELECT j.id, j.known, j.tenant, j.plan, j.origin, j.maker, j.seal, j.parameters, micros(clock_timestamp()) AS now,
    json_build_object(
        'version', j.version, 'createdAt', micros(j.created_at), 'outcome', j.outcome, 'cleanup', j.cleanup, 'endedAt', micros(j.ended_at),
        'deadline', micros(j.deadline), 'stopping', j.stopping, 'stoppedBy', j.stopped_by, 'round', j.round, 'lastToken', j.last_token,
        'armedCount', j.armed_count) AS progress,
    CASE WHEN j.known < 0 THEN (SELECT json_agg(p.planned ORDER BY p.position) FROM step_plans p WHERE p.job = j.id) END AS planned_steps,
    (SELECT coalesce(json_agg(w.planned ORDER BY w.position), '[]') FROM windows w WHERE w.job = j.id AND w.changed_in > j.known) AS planned_windows,
    -- Written by who is no transition of this version's: nothing says that the rules were asked.
    (EXISTS (SELECT FROM steps s WHERE s.job = j.id AND s.changed_in = 9223372036854775807)
        OR EXISTS (SELECT FROM windows w WHERE w.job = j.id AND w.changed_in = 9223372036854775807)) AS by_hand,
    (SELECT coalesce(json_agg(json_build_object(
        'id', s.id, 'state', s.state, 'skipped', s.skip_reason, 'notBefore', micros(s.not_before), 'token', s.token, 'worker', s.worker,
        'boundWorker', s.bound_worker, 'boundHost', s.bound_host, 'attempts', s.attempts, 'failures', s.failures,
        'startedAt', micros(s.started_at), 'endedAt', micros(s.ended_at), 'deadline', micros(s.deadline), 'stop', s.stop,
        'outputs', s.outputs, 'missed', s.missed, 'error', s.error, 'signal', s.signal, 'members', s.members, 'generation', s.generation,
        'armed', CASE WHEN c.generation IS NOT NULL THEN json_build_object(
            'generation', c.generation, 'order', c.position, 'armedAt', micros(c.armed_at), 'host', c.host, 'state', c.state,
            'kept', c.kept, 'former', c.former, 'owesOwn', c.owes_own, 'early', c.early) END)), '[]')
     FROM steps s LEFT JOIN compensations c ON c.job = s.job AND c.step = s.id AND c.undone_at IS NULL
     -- A range with two ends: the planner takes it for a narrow one, which it is but for the first load, and uses the index.
     WHERE s.job = j.id AND s.changed_in BETWEEN j.known + 1 AND 9223372036854775807) AS steps,
    (SELECT coalesce(json_agg(json_build_object(
        'id', w.id, 'phase', w.phase, 'worker', w.worker, 'holdUntil', micros(w.hold_until), 'holdPassed', w.hold_passed,
        'failures', w.failures, 'retryAt', micros(w.retry_at))), '[]')
     FROM windows w WHERE w.job = j.id AND w.changed_in > j.known) AS windows
FROM asked j
