-- $1 the role, $2 who becomes a member, $3 whether it may pass it on, $4 whether it inherits, $5 whether it may become the role (NULL: the default).
SELECT format('GRANT %I TO %I', $1::text, $2::text) || CASE WHEN options <> '' THEN ' WITH ' || options ELSE '' END AS statement
  FROM concat_ws(', ', CASE WHEN $3::bool THEN 'ADMIN OPTION' END,
                       'INHERIT ' || ($4::bool)::text, 'SET ' || ($5::bool)::text) AS options
