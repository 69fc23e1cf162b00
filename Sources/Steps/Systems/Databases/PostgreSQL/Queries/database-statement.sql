-- $1 the database, $2 its owner (NULL: who makes it), $3 names in SQL and $4 values of its options.
SELECT concat(format('CREATE DATABASE %I TEMPLATE template0', $1::text),
              CASE WHEN $2::text IS NOT NULL THEN format(' OWNER %I', $2) END,
              string_agg(format(' %s %L', name, value), '' ORDER BY name)) AS statement
  FROM unnest($3::text[], $4::text[]) AS option (name, value)
