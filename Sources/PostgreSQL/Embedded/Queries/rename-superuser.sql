-- Of a cluster whose everyday role was its superuser. Who renames must be another one; all of it happens or nothing.
BEGIN;
CREATE ROLE snappy_flow_change SUPERUSER;
SET LOCAL SESSION AUTHORIZATION snappy_flow_change;
ALTER ROLE snappy_flow RENAME TO snappy_flow_admin;
SET LOCAL SESSION AUTHORIZATION DEFAULT;
DROP ROLE snappy_flow_change;
COMMIT
