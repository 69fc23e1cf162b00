-- $1 tenant or NULL, $2 job or NULL, $3 for how long (interval) a worker may be on its way, $4 the same for undos.
-- Everything for which nothing will ever happen as things are: what is ready and no living worker can take, by what `claim-candidates.sql` asks of
-- a worker, or all that could have left to others since it was ready, as the journal says; and jobs that go on of which nothing is ready, runs, waits, or is due. What a worker that does not live runs or holds is `lost-work.sql`'s.
WITH living AS (
    SELECT w.id, w.host, ARRAY(SELECT l.key || '=' || l.value FROM jsonb_each_text(w.labels) AS l) AS labels
    FROM workers w
    WHERE w.state = 'alive' AND w.lease_until > now() AND jsonb_typeof(w.labels) = 'object'
), going AS MATERIALIZED (
    SELECT j.id, j.pipeline, o.id AS owner, j.tick_at
    FROM jobs j LEFT JOIN living o ON o.id = j.owner
    WHERE j.ended_at IS NULL AND ($1::text IS NULL OR j.tenant = $1) AND ($2::uuid IS NULL OR j.id = $2)
        AND NOT EXISTS (SELECT FROM set_aside a WHERE a.job = j.id)
), ready AS (
    SELECT g.id AS job, g.pipeline, g.owner, s.id AS step, s.class, s.rank, s.bound_worker, s.bound_host, s.labels,
        greatest(s.ready_at, s.not_before) AS since
    FROM going g JOIN steps s ON s.job = g.id
    WHERE s.state = 'ready' AND (s.not_before IS NULL OR s.not_before <= now())
        AND greatest(s.ready_at, s.not_before) < now() - CASE WHEN s.class = 0 THEN $4::interval ELSE $3::interval END
), terms AS (
    -- Of a thousand members that ask for the same, one is looked at.
    SELECT t.*,
        CASE
            WHEN NOT EXISTS (SELECT FROM living) THEN 'no worker lives'
            WHEN NOT EXISTS (SELECT FROM living w WHERE w.id = coalesce(t.bound_worker, w.id)) THEN
                'it is bound to worker ' || t.bound_worker || ', which does not live'
            WHEN NOT EXISTS (SELECT FROM living w WHERE w.host = coalesce(t.bound_host, w.host)) THEN
                'it can be done on host ' || t.bound_host || ' alone, where no worker lives'
            WHEN NOT EXISTS (SELECT FROM living w WHERE t.labels <@ w.labels) THEN
                'no living worker has its labels: ' || array_to_string(t.labels, ', ', 'one that is none')
            WHEN NOT EXISTS (
                SELECT FROM living w
                WHERE w.id = coalesce(t.bound_worker, w.id) AND w.host = coalesce(t.bound_host, w.host) AND t.labels <@ w.labels
                    AND w.id = coalesce(t.owner, w.id))
                THEN 'no living worker is the one that it is bound to, on its host, and has its labels'
        END AS reason
    FROM (SELECT DISTINCT owner, bound_worker, bound_host, labels FROM ready) t
), left_steps AS MATERIALIZED (
    -- The last word of each living worker on a step.
    SELECT DISTINCT ON (e.job, e.step, w.id) e.job, e.step, w.id AS worker, w.host, e.details ->> 'reason' AS reason, e.at
    FROM going g
    JOIN events e ON e.job = g.id AND e.kind = 'left'
    JOIN living w ON w.id = e.details ->> 'worker'
    ORDER BY e.job, e.step, w.id, e.id DESC
)
SELECT job, pipeline, step, is_undo, reason
FROM (
    SELECT r.job, r.pipeline, r.step, r.class = 0 AS is_undo, t.reason, r.class, r.rank
    FROM ready r
    JOIN terms t ON t.labels = r.labels AND t.owner IS NOT DISTINCT FROM r.owner AND t.bound_worker IS NOT DISTINCT FROM r.bound_worker
        AND t.bound_host IS NOT DISTINCT FROM r.bound_host
    WHERE t.reason IS NOT NULL
    UNION ALL
    SELECT r.job, r.pipeline, r.step, r.class = 0, min('worker ' || l.worker || ' leaves it to others: ' || l.reason), r.class, r.rank
    FROM ready r JOIN left_steps l ON l.job = r.job AND l.step = r.step AND l.at > r.since
    GROUP BY r.job, r.pipeline, r.step, r.class, r.rank, r.since, r.bound_worker, r.bound_host, r.labels, r.owner
    HAVING NOT EXISTS (
        SELECT FROM living w
        WHERE w.id = coalesce(r.bound_worker, w.id) AND w.host = coalesce(r.bound_host, w.host) AND r.labels <@ w.labels
            AND w.id = coalesce(r.owner, w.id) AND w.id <> ALL (array_agg(l.worker)))
    UNION ALL
    SELECT g.id, g.pipeline, NULL, false, 'nothing of it is ready, runs, waits for an answer, or is due', 0, 0
    FROM going g
    WHERE g.tick_at IS NULL
        AND NOT EXISTS (
            SELECT FROM steps s
            WHERE s.job = g.id AND (s.state IN ('ready', 'running') OR (s.state = 'waiting' AND s.members IS NULL)))
) x
ORDER BY job, class, rank, step
LIMIT 1000
