-- $1 tenant, $2 job or NULL.
SELECT a.job, j.pipeline, a.reason, micros(a.at) AS at
FROM set_aside a JOIN jobs j ON j.id = a.job
WHERE j.tenant = $1 AND ($2::uuid IS NULL OR a.job = $2)
ORDER BY a.at, a.job
