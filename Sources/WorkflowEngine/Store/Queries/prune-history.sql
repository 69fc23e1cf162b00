-- $1 interval since the end, $2 how many of each pipeline stay whatever their age, $3 limit. Takes events and logs along.
WITH old AS (
    SELECT id FROM (
        SELECT id, ended_at, row_number() OVER (PARTITION BY tenant, pipeline ORDER BY ended_at DESC) AS place FROM history) x
    WHERE place > $2 AND ended_at < now() - $1::interval
    ORDER BY ended_at LIMIT $3
), gone AS (
    DELETE FROM history h USING old o WHERE h.id = o.id RETURNING h.id
), silent AS (
    DELETE FROM events e USING gone g WHERE e.job = g.id
), wordless AS (
    DELETE FROM logs l USING gone g WHERE l.job = g.id
)
SELECT count(*) AS pruned FROM gone
