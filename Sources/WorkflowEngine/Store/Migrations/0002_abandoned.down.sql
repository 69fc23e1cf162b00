-- The journal still has who gave up what; the older program knows no word for it.
UPDATE steps SET skip_reason = 'neverArmed' WHERE skip_reason = 'abandoned';
UPDATE jobs SET cleanup = 'clean' WHERE cleanup = 'abandoned';
UPDATE history SET run = replace(replace(run::text, '"skipped": "abandoned"', '"skipped": "neverArmed"'), '"cleanup": "abandoned"', '"cleanup": "clean"')::jsonb
WHERE run -> 'job' ->> 'cleanup' = 'abandoned';
ALTER TABLE steps DROP CONSTRAINT steps_skip_reason_check;
ALTER TABLE steps ADD CONSTRAINT steps_skip_reason_check
    CHECK (skip_reason IN ('condition', 'upstream', 'upstreamTolerated', 'neverArmed', 'keptAsBase'));
ALTER TABLE jobs DROP CONSTRAINT jobs_cleanup_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_cleanup_check CHECK (cleanup IN ('clean', 'pending', 'failed'));
ALTER TABLE jobs DROP CONSTRAINT ended_owes_nothing;
ALTER TABLE jobs ADD CONSTRAINT ended_is_clean CHECK (ended_at IS NULL OR cleanup = 'clean');
