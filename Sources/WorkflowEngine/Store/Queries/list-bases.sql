SELECT base, job, micros(recorded_at) AS recorded_at FROM bases WHERE tenant = $1 ORDER BY system, repository
