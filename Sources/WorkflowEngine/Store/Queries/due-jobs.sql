SELECT id FROM jobs WHERE tick_at <= now() ORDER BY tick_at LIMIT $1
