-- $1 job, history included. Times in microseconds.
SELECT json_build_object('step', t.step, 'number', t.number, 'token', t.token, 'worker', t.worker, 'startedAt', micros(t.started_at),
    'endedAt', micros(t.ended_at), 'outcome', t.outcome, 'error', t.error) AS attempt
FROM attempts t WHERE t.job = $1::uuid
UNION ALL
SELECT to_json(x) FROM history h, jsonb_array_elements(h.attempts) AS x WHERE h.id = $1::uuid
