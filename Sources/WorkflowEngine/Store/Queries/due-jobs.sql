SELECT id FROM jobs
WHERE tick_at <= now() AND NOT EXISTS (SELECT FROM set_aside a WHERE a.job = jobs.id)
ORDER BY tick_at LIMIT $1
