SELECT lower(name) AS name, context FROM pg_settings
