-- A person may give up an undo that can't succeed: the job ends, and says so.
ALTER TABLE steps DROP CONSTRAINT steps_skip_reason_check;
ALTER TABLE steps ADD CONSTRAINT steps_skip_reason_check
    CHECK (skip_reason IN ('condition', 'upstream', 'upstreamTolerated', 'neverArmed', 'keptAsBase', 'abandoned'));
ALTER TABLE jobs DROP CONSTRAINT jobs_cleanup_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_cleanup_check CHECK (cleanup IN ('clean', 'pending', 'failed', 'abandoned'));
ALTER TABLE jobs DROP CONSTRAINT ended_is_clean;
ALTER TABLE jobs ADD CONSTRAINT ended_owes_nothing CHECK (ended_at IS NULL OR cleanup IN ('clean', 'abandoned'));
