-- $1 job. Whatever changes of it but its journal, its logs and its progress changes one of these.
SELECT j.version, EXISTS (SELECT FROM set_aside a WHERE a.job = j.id) AS is_set_aside, false AS in_history FROM jobs j WHERE j.id = $1::uuid
UNION ALL
SELECT 0, false, true FROM history h WHERE h.id = $1::uuid
