-- $1 uuid[] jobs, $2 text[] owners, pairwise: what this transaction took for a step that could not be started after all, and never what the same owner
-- holds from before: the step may have been started by another claim meanwhile.
DELETE FROM holds h USING unnest($1::uuid[], $2::text[]) AS x(job, owner)
WHERE h.job = x.job AND h.owner = x.owner AND h.xmin = pg_current_xact_id()::xid
