-- $1 who reads the label, $2 the kind of object in SQL, $3 its name, $4 the label.
SELECT format('SECURITY LABEL FOR %I ON %s %I IS %L', $1::text, $2::text, $3::text, $4::text) AS statement
