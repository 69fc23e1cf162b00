-- $1 limit. Declares workers dead whose lease has passed; lists what any dead or retired worker has left running.
WITH lost AS (
    UPDATE workers SET state = 'lost' WHERE state = 'alive' AND lease_until < now() RETURNING id
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
LIMIT $1
