-- $1 limit. Jobs with ready steps, those that claims would meet first first.
SELECT s.job FROM steps s
WHERE s.state = 'ready' AND NOT EXISTS (SELECT FROM set_aside a WHERE a.job = s.job)
GROUP BY s.job ORDER BY min(s.class), min(s.rank) LIMIT $1
