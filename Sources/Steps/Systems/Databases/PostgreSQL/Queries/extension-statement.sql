SELECT format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I', $1::text, $2::text) AS statement
