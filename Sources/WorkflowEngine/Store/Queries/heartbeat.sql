-- $1 worker, $2 lease (interval). No row: the worker was declared dead. A lease that has passed is renewed as long as nobody has
-- noticed. `stops` are the bodies that the machine wants stopped. `schema` is the version of the tables, which a newer program may have made.
WITH renewed AS (
    UPDATE workers SET lease_until = now() + $2::interval WHERE id = $1 AND state = 'alive' RETURNING id
)
SELECT micros(clock_timestamp()) AS now,
    (SELECT coalesce(json_agg(json_build_object('job', s.job, 'step', s.id, 'token', s.token, 'reason', s.stop)), '[]')
     FROM steps s WHERE s.worker = $1 AND s.stop IS NOT NULL) AS stops,
    (SELECT max(version) FROM schema_migrations) AS schema
FROM renewed
