-- $1 limit. Declares workers dead whose lease has passed, or is none that anybody writes; lists what any dead or retired worker has left running.
WITH lost AS (
    UPDATE workers SET state = 'lost', lease_until = least(lease_until, now())
    WHERE state = 'alive' AND (lease_until < now() OR lease_until > now() + interval '1 year') RETURNING id
), gone AS (
    SELECT id FROM workers WHERE state <> 'alive' UNION SELECT id FROM lost
)
SELECT DISTINCT g.id AS worker, x.job
FROM gone g
CROSS JOIN LATERAL (
    SELECT job FROM steps WHERE worker = g.id
    UNION
    SELECT job FROM windows WHERE worker = g.id
) x
WHERE NOT EXISTS (SELECT FROM set_aside a WHERE a.job = x.job)
LIMIT $1
