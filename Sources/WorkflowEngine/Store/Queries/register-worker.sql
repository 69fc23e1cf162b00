-- $1 id, $2 host, $3 process, $4 labels, $5 lease (interval).
INSERT INTO workers (id, host, process, labels, lease_until)
VALUES ($1, $2, $3::integer, $4::jsonb, now() + $5::interval)
RETURNING micros(clock_timestamp()) AS now
