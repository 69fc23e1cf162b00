-- Milliseconds until time alone changes something; NULL when nothing is due ever.
SELECT CASE WHEN due IS NOT NULL THEN greatest(0, ceil(extract(epoch FROM due - now()) * 1000))::bigint END AS milliseconds
FROM (SELECT least(
    (SELECT min(tick_at) FROM jobs WHERE tick_at IS NOT NULL),
    (SELECT min(not_before) FROM steps WHERE state = 'ready' AND not_before IS NOT NULL AND not_before > now())) AS due) x
