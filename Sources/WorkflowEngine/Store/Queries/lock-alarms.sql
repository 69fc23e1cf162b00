SELECT pg_advisory_xact_lock(hashtextextended('snappy-flow alarms in ' || current_schema(), 0))
