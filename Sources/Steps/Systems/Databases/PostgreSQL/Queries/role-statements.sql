-- What makes a role. $1 its name, $2 its attributes in SQL, $3 its limit of connections, $4 its password, $5 the end of that, $6 its comment.
SELECT statement
  FROM (VALUES (1, format('CREATE ROLE %I WITH %s', $1::text, $2::text)),
               (2, CASE WHEN $3::int IS NOT NULL THEN format('ALTER ROLE %I CONNECTION LIMIT %s', $1, $3) END),
               (3, CASE WHEN $4::text IS NOT NULL THEN format('ALTER ROLE %I PASSWORD %L', $1, $4) END),
               (4, CASE WHEN $5::text IS NOT NULL THEN format('ALTER ROLE %I VALID UNTIL %L', $1, $5) END),
               (5, CASE WHEN $6::text IS NOT NULL THEN format('COMMENT ON ROLE %I IS %L', $1, $6) END)) AS made (n, statement)
 WHERE statement IS NOT NULL
 ORDER BY n
