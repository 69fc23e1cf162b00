-- $1 limit. Declares workers dead whose lease has passed, or is none that anybody writes; lists what any worker that does not live has left running: one
-- that is dead or retired, or that there is not.
WITH lost AS (
    UPDATE workers SET state = 'lost', lease_until = least(lease_until, now())
    WHERE state = 'alive' AND (lease_until < now() OR lease_until > now() + interval '1 year') RETURNING id
)
SELECT x.worker, x.job
FROM (
    SELECT worker, job FROM steps WHERE worker IS NOT NULL
    UNION
    SELECT worker, job FROM windows WHERE worker IS NOT NULL
) x
WHERE NOT EXISTS (SELECT FROM workers w WHERE w.id = x.worker AND w.state = 'alive' AND NOT EXISTS (SELECT FROM lost l WHERE l.id = w.id))
    AND NOT EXISTS (SELECT FROM set_aside a WHERE a.job = x.job)
LIMIT $1
