SELECT quote_ident(spcname) AS name FROM pg_tablespace
