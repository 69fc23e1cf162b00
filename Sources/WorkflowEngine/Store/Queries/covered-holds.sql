-- $1 uuid[]: what the windows of these jobs hold.
SELECT job, owner, resource FROM holds WHERE job = ANY ($1::uuid[]) AND owner LIKE 'window:%'
