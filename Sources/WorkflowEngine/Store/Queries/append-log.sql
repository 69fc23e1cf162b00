-- $1 jsonb: [{job, step, attempt, level, message}], in order.
INSERT INTO logs (job, step, attempt, level, message)
SELECT x.job, x.step, x.attempt, x.level, x.message
FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (job uuid, step text, attempt integer, level text, message text)) WITH ORDINALITY
    AS x(job, step, attempt, level, message, n)
ORDER BY x.n
