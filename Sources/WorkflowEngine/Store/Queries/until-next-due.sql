-- Milliseconds until time alone changes something, at most a day; NULL when nothing is due ever.
SELECT CASE
    WHEN due <= now() THEN 0
    WHEN due < now() + interval '1 day' THEN ceil(extract(epoch FROM due - now()) * 1000)::bigint
    WHEN due IS NOT NULL THEN 86400000
    END AS milliseconds
FROM (SELECT least(
    (SELECT tick_at FROM jobs
     WHERE tick_at IS NOT NULL AND NOT EXISTS (SELECT FROM set_aside a WHERE a.job = jobs.id) ORDER BY tick_at LIMIT 1),
    (SELECT min(not_before) FROM steps WHERE state = 'ready' AND not_before IS NOT NULL AND not_before > now())) AS due) x
