-- $1 interval since the end, $2 how many of each pipeline stay whatever their age, $3 limit. Takes events and logs along. Of each pipeline it reads the
-- oldest job and, where that is old enough, the edge of those that stay; besides what it removes.
WITH RECURSIVE pipelines AS (
    (SELECT tenant, pipeline FROM history ORDER BY tenant, pipeline LIMIT 1)
    UNION ALL
    SELECT n.tenant, n.pipeline
    FROM pipelines p CROSS JOIN LATERAL (
        SELECT h.tenant, h.pipeline FROM history h WHERE (h.tenant, h.pipeline) > (p.tenant, p.pipeline)
        ORDER BY h.tenant, h.pipeline LIMIT 1) n
), old AS (
    SELECT x.place
    FROM pipelines p
    CROSS JOIN LATERAL (
        SELECT h.ended_at FROM history h WHERE h.tenant = p.tenant AND h.pipeline = p.pipeline ORDER BY h.ended_at LIMIT 1) oldest
    CROSS JOIN LATERAL (
        SELECT h.ended_at, h.id FROM history h
        WHERE h.tenant = p.tenant AND h.pipeline = p.pipeline AND oldest.ended_at < now() - $1::interval
        ORDER BY h.ended_at DESC, h.id DESC OFFSET $2 LIMIT 1) edge
    CROSS JOIN LATERAL (
        SELECT h.ctid AS place FROM history h
        WHERE h.tenant = p.tenant AND h.pipeline = p.pipeline AND (h.ended_at, h.id) <= (edge.ended_at, edge.id)
            AND h.ended_at < now() - $1::interval
        ORDER BY h.ended_at, h.id LIMIT $3) x
    LIMIT $3
), gone AS (
    -- By place and by list: a join might rather read all of them.
    DELETE FROM history WHERE ctid = ANY (ARRAY(SELECT place FROM old)) RETURNING id
), silent AS (
    DELETE FROM events WHERE job = ANY (ARRAY(SELECT id FROM gone))
), wordless AS (
    DELETE FROM logs WHERE job = ANY (ARRAY(SELECT id FROM gone))
)
SELECT count(*) AS pruned FROM gone
