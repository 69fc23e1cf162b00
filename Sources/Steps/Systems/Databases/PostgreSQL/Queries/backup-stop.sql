SELECT lsn::text AS position, labelfile AS label, spcmapfile AS tablespaces
  FROM pg_backup_stop(false)
