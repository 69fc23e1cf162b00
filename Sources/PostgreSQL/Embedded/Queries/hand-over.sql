-- What the superuser (oid 10) made in this database while it was the everyday role, too, becomes the everyday role's. REASSIGN OWNED refuses to take
-- anything from the first superuser. The database itself goes last: its owner says that the rest is done.
DO $$
DECLARE
    change text;
BEGIN
    FOR change IN
        WITH schemas AS (SELECT oid, nspname, nspowner FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
        -- An extension's objects stay its owner's.
        extended AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
        -- A column's sequence goes with its table.
        sequences AS (
            SELECT objid FROM pg_depend
             WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i'))
        SELECT format('ALTER SCHEMA %I OWNER TO snappy_flow', nspname) FROM schemas WHERE nspowner = 10
        UNION ALL
        SELECT format(
                   'ALTER %s %s OWNER TO snappy_flow',
                   CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
                   oid::regclass)
          FROM pg_class
         WHERE relnamespace IN (SELECT oid FROM schemas) AND relowner = 10 AND relkind IN ('r', 'p', 'v', 'm', 'S')
           AND NOT (relkind = 'S' AND oid IN (SELECT objid FROM sequences))
           AND ('pg_class'::regclass, oid) NOT IN (SELECT classid, objid FROM extended)
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO snappy_flow', oid::regprocedure)
          FROM pg_proc
         WHERE pronamespace IN (SELECT oid FROM schemas) AND proowner = 10
           AND ('pg_proc'::regclass, oid) NOT IN (SELECT classid, objid FROM extended)
        UNION ALL
        SELECT format('ALTER TYPE %s OWNER TO snappy_flow', kind.oid::regtype)
          FROM pg_type kind LEFT JOIN pg_class ON pg_class.oid = typrelid
         WHERE typnamespace IN (SELECT oid FROM schemas) AND typowner = 10 AND (typtype IN ('e', 'd', 'r') OR relkind = 'c')
           AND ('pg_type'::regclass, kind.oid) NOT IN (SELECT classid, objid FROM extended)
    LOOP
        EXECUTE change;
    END LOOP;
    ALTER DATABASE snappy_flow OWNER TO snappy_flow;
END
$$
