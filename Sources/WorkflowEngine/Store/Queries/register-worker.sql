-- $1 id, $2 host, $3 process, $4 labels, $5 lease (interval). Again by the same process: nothing but the lease changes. No row: another's id.
INSERT INTO workers (id, host, process, labels, lease_until)
VALUES ($1, $2, $3::integer, $4::jsonb, now() + $5::interval)
ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until
WHERE workers.state = 'alive' AND workers.host = excluded.host AND workers.process = excluded.process
RETURNING micros(clock_timestamp()) AS now
