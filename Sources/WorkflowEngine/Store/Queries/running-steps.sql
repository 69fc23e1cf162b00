SELECT job, id AS step, token FROM steps WHERE worker = $1 AND state = 'running'
