-- $1 tenant, $2 pipeline or NULL, $3 active only, $4 only jobs before this id (or NULL), $5 limit, $6 states (or NULL), $7 a system's name (or NULL),
-- $8 since and $9 until in microseconds (or NULL). The newest first, history included. Steps are counted, and runs of the history looked into, for the
-- jobs of the page alone.
WITH page AS (
    SELECT x.id FROM (
        (SELECT j.id
        FROM jobs j LEFT JOIN set_aside a ON a.job = j.id
        WHERE j.tenant = $1 AND ($2::text IS NULL OR j.pipeline = $2) AND (NOT $3::boolean OR j.ended_at IS NULL) AND ($4::uuid IS NULL OR j.id < $4)
            AND ($6::text[] IS NULL OR CASE
                WHEN a.job IS NOT NULL THEN 'setAside'
                WHEN j.outcome IS NOT NULL THEN j.outcome
                WHEN j.stopping IS NOT NULL THEN 'stopping'
                WHEN EXISTS (SELECT FROM steps s WHERE s.job = j.id AND s.state = 'waiting') THEN 'waiting'
                ELSE 'running' END = ANY ($6))
            AND ($7::text IS NULL OR EXISTS (
                SELECT FROM plans p WHERE p.tenant = j.tenant AND p.id = j.plan AND p.document -> 'systems' ? $7))
            AND ($8::bigint IS NULL OR j.created_at >= instant($8)) AND ($9::bigint IS NULL OR j.created_at < instant($9))
        ORDER BY j.id DESC LIMIT $5)
        UNION ALL
        (SELECT h.id
        FROM history h
        WHERE h.tenant = $1 AND ($2::text IS NULL OR h.pipeline = $2) AND NOT $3::boolean AND ($4::uuid IS NULL OR h.id < $4)
            AND ($6::text[] IS NULL OR h.outcome = ANY ($6))
            AND ($7::text IS NULL OR EXISTS (
                SELECT FROM plans p WHERE p.tenant = h.tenant AND p.id = h.plan AND p.document -> 'systems' ? $7))
            AND ($8::bigint IS NULL OR h.created_at >= instant($8)) AND ($9::bigint IS NULL OR h.created_at < instant($9))
        ORDER BY h.id DESC LIMIT $5)
    ) x
    ORDER BY x.id DESC LIMIT $5
)
SELECT j.id, j.tenant, j.plan, j.pipeline, j.origin, j.owner, j.outcome, j.cleanup, j.stopping, micros(j.created_at) AS created_at,
    micros(j.ended_at) AS ended_at, false AS in_history, c.steps, c.steps_ended, c.steps_running, c.steps_waiting,
    a.reason AS set_aside, micros(a.at) AS set_aside_at
FROM page JOIN jobs j ON j.id = page.id LEFT JOIN set_aside a ON a.job = j.id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE s.class > 0) AS steps, count(*) FILTER (WHERE s.class > 0 AND s.ended_at IS NOT NULL) AS steps_ended,
        count(*) FILTER (WHERE s.state = 'running') AS steps_running, count(*) FILTER (WHERE s.state = 'waiting') AS steps_waiting
    FROM steps s WHERE s.job = j.id) c
UNION ALL
SELECT h.id, h.tenant, h.plan, h.pipeline, h.origin, h.owner, h.outcome, h.run -> 'job' ->> 'cleanup', NULL, micros(h.created_at), micros(h.ended_at),
    true, h.steps, h.steps, 0, 0, NULL, NULL::bigint
FROM page JOIN history h ON h.id = page.id
ORDER BY id DESC
