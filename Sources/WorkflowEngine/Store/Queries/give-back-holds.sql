-- $1 uuid[] jobs, $2 text[] owners, pairwise: what was taken for a step that could not be started after all.
DELETE FROM holds h USING unnest($1::uuid[], $2::text[]) AS x(job, owner) WHERE h.job = x.job AND h.owner = x.owner
