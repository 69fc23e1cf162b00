-- $1 tenant, $2 jsonb: the new bases. Locks and returns those that they replace and that no other (system, repository) still needs.
SELECT b.base
FROM bases b JOIN jsonb_array_elements($2::jsonb) AS n ON b.system = n ->> 'systemIdentity' AND b.repository = n ->> 'repositoryID'
WHERE b.tenant = $1 AND b.snapshot_key <> n -> 'snapshot' ->> 'key'
    AND NOT EXISTS (
        SELECT FROM bases o
        WHERE o.tenant = b.tenant AND o.system = b.system AND o.repository <> b.repository AND o.snapshot_key = b.snapshot_key)
FOR UPDATE OF b
