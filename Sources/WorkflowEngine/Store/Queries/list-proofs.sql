SELECT repository AS "repositoryID", snapshot AS "snapshotID", level, is_good, details, job, step, recorded_at
FROM proofs WHERE tenant = $1 AND repository = $2 ORDER BY id
