-- $1 uuid[] jobs, $2 text[] steps, pairwise.
SELECT c.job, c.step, c.state
FROM checkpoints c JOIN unnest($1::uuid[], $2::text[]) AS x(job, step) ON c.job = x.job AND c.step = x.step
