-- $1 keys as they are found outside, $2 the same without the places in lists: what this database knows of each, in one look. One that none of its jobs
-- has given has no row.
SELECT n.key, o.tenant, o.pipeline, o.job, o.step, o.undo, o.acquirer, o.host, micros(o.armed_at) AS armed_at,
    EXISTS (SELECT FROM compensations c WHERE c.job = o.job AND c.step = o.step AND c.generation = o.generation AND c.undone_at IS NULL) AS is_armed,
    EXISTS (SELECT FROM jobs j WHERE j.id = o.job AND j.ended_at IS NULL) AS goes_on,
    EXISTS (SELECT FROM bases b WHERE b.snapshot_key = n.key) AS is_base,
    EXISTS (
        SELECT FROM compensations c
        WHERE c.undone_at IS NULL
            AND c.former @> jsonb_build_array(jsonb_build_object('snapshot', jsonb_build_object('key', n.key)))) AS is_former
FROM unnest($1::text[], $2::text[]) AS n(key, given) JOIN outside_names o ON o.key = n.given
