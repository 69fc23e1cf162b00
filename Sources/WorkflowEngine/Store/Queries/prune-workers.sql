-- Rows of dead and retired workers that have left nothing behind.
DELETE FROM workers w
WHERE w.state <> 'alive' AND w.lease_until < now() - interval '1 hour'
    AND NOT EXISTS (SELECT FROM steps s WHERE s.worker = w.id) AND NOT EXISTS (SELECT FROM windows x WHERE x.worker = w.id)
