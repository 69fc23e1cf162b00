SELECT rolsuper AS is_superuser FROM pg_roles WHERE rolname = current_user
