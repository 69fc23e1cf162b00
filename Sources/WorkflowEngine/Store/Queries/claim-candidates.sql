-- $1 worker, $2 host, $3 labels (text[] of k=v), $4 owned (boolean), $5 limit, $6 urgent only, $7 text[] of JOB/STEP to leave out,
-- $8 uuid[] of jobs that this process made, whoever is named their owner, $9 the one job that is looked at, or NULL.
-- Ready steps that the worker might start, best first, with their job's version, which is NULL where the job could not be locked: one
-- that is in the middle of a transition is left to the next call. Nothing for a worker whose lease has passed.
WITH candidates AS (
    SELECT s.job, s.id, s.class, s.rank
    FROM steps s
    JOIN jobs j ON j.id = s.job
    LEFT JOIN workers o ON o.id = j.owner AND o.state = 'alive' AND o.lease_until > now()
    WHERE s.state = 'ready'
        -- As one question, which the planner takes for one that many pass: so it reads the index in its order and stops, instead of sorting what is ready.
        AND CASE WHEN s.not_before > now() OR s.bound_worker <> $1 OR s.bound_host <> $2 OR NOT s.labels <@ $3::text[] OR s.job <> $9::uuid
                OR ($6::boolean AND s.class > 1) OR s.job || '/' || s.id = ANY ($7::text[])
            THEN false ELSE true END
        AND CASE WHEN $4::boolean THEN j.owner = $1 OR j.id = ANY ($8::uuid[]) OR (j.owner IS NOT NULL AND o.id IS NULL) ELSE o.id IS NULL END
        AND NOT EXISTS (SELECT FROM set_aside a WHERE a.job = s.job)
        AND EXISTS (SELECT FROM workers w WHERE w.id = $1 AND w.state = 'alive' AND w.lease_until > now())
        AND NOT EXISTS (
            SELECT FROM jsonb_to_recordset(s.wants) AS w(resource text, mode text, capacity integer)
            WHERE NOT EXISTS (
                    SELECT FROM holds h WHERE h.tenant = j.tenant AND h.resource = w.resource AND h.job = s.job AND h.owner LIKE 'window:%')
                AND CASE w.mode
                    WHEN 'exclusive' THEN EXISTS (SELECT FROM holds h WHERE h.tenant = j.tenant AND h.resource = w.resource)
                    WHEN 'shared' THEN
                        EXISTS (SELECT FROM holds h WHERE h.tenant = j.tenant AND h.resource = w.resource AND h.mode = 'exclusive')
                    ELSE (SELECT count(*) FROM holds h WHERE h.tenant = j.tenant AND h.resource = w.resource) >= w.capacity
                    END)
    ORDER BY s.class, s.rank
    LIMIT $5
), locked AS (
    SELECT id, version FROM jobs WHERE id IN (SELECT job FROM candidates) FOR NO KEY UPDATE SKIP LOCKED
)
SELECT c.job, c.id AS step, l.version, micros(clock_timestamp()) AS now
FROM candidates c LEFT JOIN locked l ON l.id = c.job
ORDER BY c.class, c.rank
