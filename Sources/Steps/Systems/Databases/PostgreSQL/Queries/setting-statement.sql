-- $1 the role, $2 the setting, $3 its value, or its values where it is a list.
SELECT format('ALTER ROLE %I SET %I TO %s', $1::text, $2::text, string_agg(quote_literal(value), ', ' ORDER BY n)) AS statement
  FROM unnest($3::text[]) WITH ORDINALITY AS list (value, n)
