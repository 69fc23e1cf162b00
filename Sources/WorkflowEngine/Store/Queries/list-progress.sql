-- $1 job. Of the attempts that run.
SELECT p.step, p.state, micros(p.saved_at) AS saved_at
FROM progress p JOIN steps s ON s.job = p.job AND s.id = p.step
WHERE p.job = $1::uuid AND p.token = s.token
