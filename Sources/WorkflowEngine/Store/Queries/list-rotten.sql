-- $1 job, or NULL for every row that breaks a rule.
SELECT job, reason FROM rotten() WHERE $1::uuid IS NULL OR job = $1 ORDER BY job, reason LIMIT 1000
