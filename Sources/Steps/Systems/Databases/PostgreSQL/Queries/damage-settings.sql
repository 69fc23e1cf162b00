-- Settings of this session by which the server reads damage as something else, and whether the user may set them.
SELECT s.name, r.rolsuper AS is_ours
  FROM pg_catalog.pg_settings s, pg_catalog.pg_roles r
 WHERE r.rolname = current_user AND s.name IN ('zero_damaged_pages', 'ignore_checksum_failure') AND s.setting <> 'off'
 ORDER BY s.name
