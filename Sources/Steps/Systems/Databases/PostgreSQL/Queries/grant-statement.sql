-- $1 true to give, $2 the privileges and $3 the kind of object in SQL, $4 its name, $5 who gets it (NULL: everybody), $6 whether it may be passed on.
SELECT concat(CASE WHEN $1::bool THEN 'GRANT ' ELSE 'REVOKE ' END, $2::text, ' ON ', $3::text, ' ', quote_ident($4::text),
              CASE WHEN $1 THEN ' TO ' ELSE ' FROM ' END, coalesce(quote_ident($5::text), 'PUBLIC'),
              CASE WHEN $6::bool THEN ' WITH GRANT OPTION' END) AS statement
