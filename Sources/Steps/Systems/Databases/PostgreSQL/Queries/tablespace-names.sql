SELECT spcname AS name FROM pg_tablespace
