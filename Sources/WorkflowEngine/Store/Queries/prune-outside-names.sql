-- $1 interval, $2 limit. What was named so long ago and is neither owed nor a base; then it is nobody's that could be proved.
DELETE FROM outside_names WHERE ctid = ANY (ARRAY(
    SELECT o.ctid FROM outside_names o
    WHERE o.armed_at < now() - $1::interval
        AND NOT EXISTS (SELECT FROM compensations c WHERE c.job = o.job AND c.undone_at IS NULL)
        AND NOT EXISTS (SELECT FROM bases b WHERE b.snapshot_key = o.key OR starts_with(b.snapshot_key, o.key || '-'))
    ORDER BY o.armed_at LIMIT $2))
