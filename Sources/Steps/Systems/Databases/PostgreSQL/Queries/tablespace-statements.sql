-- What makes a tablespace. $1 its name, $2 its owner, $3 its folder, $4 its comment, $5 names and $6 values of its options.
SELECT statement
  FROM (VALUES (1, format('CREATE TABLESPACE %I OWNER %I LOCATION %L', $1::text, $2::text, $3::text)),
               (2, (SELECT format('ALTER TABLESPACE %I SET (%s)', $1, string_agg(format('%I = %L', name, value), ', '))
                      FROM unnest($5::text[], $6::text[]) AS option (name, value)
                    HAVING count(*) > 0)),
               (3, CASE WHEN $4::text IS NOT NULL THEN format('COMMENT ON TABLESPACE %I IS %L', $1, $4) END)) AS made (n, statement)
 WHERE statement IS NOT NULL
 ORDER BY n
