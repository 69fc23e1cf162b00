-- $1 host. Workers there that count as alive, with what they said of their process.
SELECT id, labels ->> 'snappy-flow.process' AS process FROM workers
WHERE state = 'alive' AND host = $1 AND jsonb_typeof(labels -> 'snappy-flow.process') = 'string'
