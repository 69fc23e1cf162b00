-- $1 tenant, $2 pipeline or NULL, $3 active only, $4 only jobs before this id (or NULL), $5 limit. The newest first, history included.
SELECT * FROM (
    SELECT j.id, j.tenant, j.plan, j.pipeline, j.origin, j.owner, j.outcome, j.cleanup, j.stopping, micros(j.created_at) AS created_at,
        micros(j.ended_at) AS ended_at, false AS in_history,
        (SELECT count(*) FROM steps s WHERE s.job = j.id AND s.class > 0) AS steps,
        (SELECT count(*) FROM steps s WHERE s.job = j.id AND s.class > 0 AND s.ended_at IS NOT NULL) AS steps_ended,
        (SELECT count(*) FROM steps s WHERE s.job = j.id AND s.state = 'running') AS steps_running,
        (SELECT count(*) FROM steps s WHERE s.job = j.id AND s.state = 'waiting') AS steps_waiting,
        a.reason AS set_aside, micros(a.at) AS set_aside_at
    FROM jobs j LEFT JOIN set_aside a ON a.job = j.id
    WHERE j.tenant = $1 AND ($2::text IS NULL OR j.pipeline = $2) AND (NOT $3::boolean OR j.ended_at IS NULL) AND ($4::uuid IS NULL OR j.id < $4)
    UNION ALL
    (SELECT h.id, h.tenant, h.plan, h.pipeline, h.origin, h.owner, h.outcome, h.run -> 'job' ->> 'cleanup', NULL, micros(h.created_at), micros(h.ended_at), true,
        h.steps, h.steps, 0, 0, NULL, NULL::bigint
    FROM history h
    WHERE h.tenant = $1 AND ($2::text IS NULL OR h.pipeline = $2) AND NOT $3::boolean AND ($4::uuid IS NULL OR h.id < $4)
    ORDER BY h.id DESC LIMIT $5)
) x
ORDER BY id DESC LIMIT $5
