-- $1 who gives privileges from here on (NULL: who the session is).
SELECT CASE WHEN $1::text IS NULL THEN 'SET LOCAL ROLE NONE' ELSE format('SET LOCAL ROLE %I', $1) END AS statement
