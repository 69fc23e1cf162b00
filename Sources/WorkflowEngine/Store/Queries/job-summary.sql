-- $1 job.
SELECT j.id, j.tenant, j.plan, j.pipeline, j.origin, j.owner, j.outcome, j.cleanup, j.stopping, micros(j.created_at) AS created_at,
    micros(j.ended_at) AS ended_at, false AS in_history, j.parameters,
    (SELECT count(*) FROM steps s WHERE s.job = j.id AND s.class > 0) AS steps,
    (SELECT count(*) FROM steps s WHERE s.job = j.id AND s.class > 0 AND s.ended_at IS NOT NULL) AS steps_ended,
    (SELECT count(*) FROM steps s WHERE s.job = j.id AND s.state = 'running') AS steps_running,
    (SELECT count(*) FROM steps s WHERE s.job = j.id AND s.state = 'waiting') AS steps_waiting,
    a.reason AS set_aside, micros(a.at) AS set_aside_at
FROM jobs j LEFT JOIN set_aside a ON a.job = j.id WHERE j.id = $1::uuid
UNION ALL
SELECT h.id, h.tenant, h.plan, h.pipeline, h.origin, h.owner, h.outcome, h.run -> 'job' ->> 'cleanup', NULL, micros(h.created_at), micros(h.ended_at), true,
    h.parameters, h.steps, h.steps, 0, 0, NULL, NULL::bigint
FROM history h WHERE h.id = $1::uuid
