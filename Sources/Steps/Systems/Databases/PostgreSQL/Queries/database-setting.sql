-- $1 the database, $2 the role that it holds for (NULL: all), $3 the setting, $4 its value, or its values where it is a list.
SELECT concat(CASE WHEN $2::text IS NULL THEN format('ALTER DATABASE %I', $1::text)
                   ELSE format('ALTER ROLE %I IN DATABASE %I', $2, $1) END,
              format(' SET %I TO %s', $3::text, string_agg(quote_literal(value), ', ' ORDER BY n))) AS statement
  FROM unnest($4::text[]) WITH ORDINALITY AS list (value, n)
