SELECT quote_ident(rolname) AS name FROM pg_roles
