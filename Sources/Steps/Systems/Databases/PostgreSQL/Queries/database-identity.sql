-- Whether the user may replace database $1, and what would keep it from being replaced.
SELECT oid::int8 AS oid, datistemplate AS is_template, pg_has_role(datdba, 'USAGE') AS is_ours,
       (SELECT count(*) FROM pg_replication_slots WHERE database = datname) AS slots,
       (SELECT count(*) FROM pg_prepared_xacts WHERE database = datname) AS prepared
  FROM pg_database
 WHERE datname = $1
