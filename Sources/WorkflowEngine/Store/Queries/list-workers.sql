SELECT w.id, w.host, w.process, w.labels, w.state, w.lease_until > now() AS is_leased, micros(w.started_at) AS started_at,
    (SELECT count(*) FROM steps s WHERE s.worker = w.id) AS steps_running
FROM workers w ORDER BY w.started_at
