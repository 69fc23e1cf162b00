-- $1 tenant. Everything that is owed to the outside, the longest first.
SELECT c.job, c.step, j.pipeline, j.cleanup, c.generation, micros(c.armed_at) AS armed_at, c.host, c.state, s.failures, s.error, p.planned
FROM compensations c
JOIN jobs j ON j.id = c.job
JOIN steps s ON s.job = c.job AND s.id = c.step
JOIN step_plans p ON p.job = c.job AND p.id = c.step
WHERE c.undone_at IS NULL AND j.tenant = $1
ORDER BY c.armed_at
