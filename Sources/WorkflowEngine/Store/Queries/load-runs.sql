-- $1 uuid[]: jobs. One row a job, with everything that the machine needs, under the names of its own values.
SELECT j.id, j.tenant, j.plan, j.origin, j.maker, j.seal, j.parameters, micros(clock_timestamp()) AS now,
    json_build_object(
        'version', j.version, 'createdAt', micros(j.created_at), 'outcome', j.outcome, 'cleanup', j.cleanup, 'endedAt', micros(j.ended_at),
        'deadline', micros(j.deadline), 'stopping', j.stopping, 'stoppedBy', j.stopped_by, 'round', j.round, 'lastToken', j.last_token,
        'armedCount', j.armed_count) AS progress,
    (SELECT json_agg(p.planned ORDER BY p.position) FROM step_plans p WHERE p.job = j.id) AS planned_steps,
    (SELECT coalesce(json_agg(w.planned ORDER BY w.position), '[]') FROM windows w WHERE w.job = j.id) AS planned_windows,
    (SELECT json_agg(json_build_object(
        'id', s.id, 'state', s.state, 'skipped', s.skip_reason, 'notBefore', micros(s.not_before), 'token', s.token, 'worker', s.worker,
        'boundWorker', s.bound_worker, 'boundHost', s.bound_host, 'attempts', s.attempts, 'failures', s.failures,
        'startedAt', micros(s.started_at), 'endedAt', micros(s.ended_at), 'deadline', micros(s.deadline), 'stop', s.stop,
        'outputs', s.outputs, 'missed', s.missed, 'error', s.error, 'signal', s.signal, 'members', s.members, 'generation', s.generation,
        'armed', CASE WHEN c.generation IS NOT NULL THEN json_build_object(
            'generation', c.generation, 'order', c.position, 'armedAt', micros(c.armed_at), 'host', c.host, 'state', c.state,
            'kept', c.kept, 'former', c.former, 'owesOwn', c.owes_own, 'early', c.early) END))
     FROM steps s LEFT JOIN compensations c ON c.job = s.job AND c.step = s.id AND c.undone_at IS NULL
     WHERE s.job = j.id) AS steps,
    (SELECT coalesce(json_agg(json_build_object(
        'id', w.id, 'phase', w.phase, 'worker', w.worker, 'holdUntil', micros(w.hold_until), 'holdPassed', w.hold_passed,
        'failures', w.failures, 'retryAt', micros(w.retry_at))), '[]')
     FROM windows w WHERE w.job = j.id) AS windows
FROM jobs j
WHERE j.id = ANY ($1::uuid[])
