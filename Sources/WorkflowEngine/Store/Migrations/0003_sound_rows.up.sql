-- A row that this program did not write holds up its own job only: checks refuse it, and a job whose rows can't be read waits apart.
-- docs/database.md, "Rows that can't be read".

-- Jobs that nothing is done for until a person takes them up again. A table of its own, for a row that a check refuses can't be updated.
CREATE TABLE set_aside (
    job    uuid PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    reason text NOT NULL,
    at     timestamptz NOT NULL DEFAULT now()
);

-- Who made a local job, and the code by which who has the same key knows it again.
ALTER TABLE jobs ADD COLUMN maker text, ADD COLUMN seal text;
ALTER TABLE history ADD COLUMN maker text, ADD COLUMN seal text;

-- Times of another age are the least and the greatest number, which no reader takes for a time, instead of an error for every row of a statement.
CREATE OR REPLACE FUNCTION micros(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN at < timestamptz '0001-01-01 00:00:00+00' THEN -9223372036854775808
    WHEN at > timestamptz '9999-12-31 23:59:59+00' THEN 9223372036854775807
    ELSE (extract(epoch FROM at) * 1000000)::bigint
END;

CREATE FUNCTION is_time(at timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN at IS NULL OR at BETWEEN timestamptz '0001-01-01 00:00:00+00' AND timestamptz '9999-12-31 23:59:59+00';

-- What a row's numbers may grow to: far beyond what happens, and nothing overflows that adds to it.
CREATE FUNCTION is_token(number bigint) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN number BETWEEN 0 AND 4611686018427387903;
CREATE FUNCTION is_count(number integer) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN number BETWEEN 0 AND 10000000;

CREATE FUNCTION is_texts(list jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_typeof(list) = 'array' AND NOT list @? 'strict $[*] ? (@.type() != "string")';
CREATE FUNCTION is_objects(list jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_typeof(list) = 'array' AND NOT list @? 'strict $[*] ? (@.type() != "object")';
CREATE FUNCTION is_wants(list jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN is_objects(list) AND NOT list @? '$[*] ? (!(
    @.resource.type() == "string" && @.mode.type() == "string" && (@.mode == "shared" || @.mode == "exclusive" || @.mode == "counted")
    && (!exists(@.capacity) || @.capacity.type() == "null" || (
        @.capacity.type() == "number" && @.capacity >= 1 && @.capacity <= 2147483647 && @.capacity % 1 == 0))))';

-- Every check here is named `sound_…`: `rotten` asks them of what is there.
ALTER TABLE plans ADD CONSTRAINT sound_document CHECK (jsonb_typeof(document) = 'object') NOT VALID;
ALTER TABLE workers ADD CONSTRAINT sound_labels
    CHECK (jsonb_typeof(labels) = 'object' AND NOT labels @? 'strict $.* ? (@.type() != "string")') NOT VALID;
ALTER TABLE workers ADD CONSTRAINT sound_times CHECK (is_time(lease_until) AND is_time(started_at)) NOT VALID;
ALTER TABLE jobs ADD CONSTRAINT sound_parameters CHECK (jsonb_typeof(parameters) = 'object') NOT VALID;
ALTER TABLE jobs ADD CONSTRAINT sound_times
    CHECK (is_time(created_at) AND is_time(deadline) AND is_time(ended_at) AND is_time(tick_at)) NOT VALID;
ALTER TABLE jobs ADD CONSTRAINT sound_numbers
    CHECK (is_token(version) AND is_token(last_token) AND is_count(round) AND is_count(armed_count)) NOT VALID;
ALTER TABLE jobs ADD CONSTRAINT sound_seal CHECK (seal IS NULL OR (seal ~ '^[0-9a-f]{64}$' AND maker IS NOT NULL)) NOT VALID;
ALTER TABLE windows ADD CONSTRAINT sound_planned CHECK (jsonb_typeof(planned) = 'object') NOT VALID;
ALTER TABLE windows ADD CONSTRAINT sound_times CHECK (is_time(hold_until) AND is_time(retry_at)) NOT VALID;
ALTER TABLE windows ADD CONSTRAINT sound_numbers CHECK (is_count(position) AND is_count(failures)) NOT VALID;
ALTER TABLE step_plans ADD CONSTRAINT sound_planned CHECK (jsonb_typeof(planned) = 'object') NOT VALID;
ALTER TABLE steps ADD CONSTRAINT sound_outputs CHECK (jsonb_typeof(outputs) = 'object') NOT VALID;
ALTER TABLE steps ADD CONSTRAINT sound_missed CHECK (is_texts(missed)) NOT VALID;
ALTER TABLE steps ADD CONSTRAINT sound_error CHECK (error IS NULL OR jsonb_typeof(error) = 'object') NOT VALID;
ALTER TABLE steps ADD CONSTRAINT sound_signal CHECK (signal IS NULL OR jsonb_typeof(signal) = 'object') NOT VALID;
ALTER TABLE steps ADD CONSTRAINT sound_members CHECK (members IS NULL OR is_texts(members)) NOT VALID;
ALTER TABLE steps ADD CONSTRAINT sound_wants CHECK (is_wants(wants)) NOT VALID;
ALTER TABLE steps ADD CONSTRAINT sound_times
    CHECK (is_time(not_before) AND is_time(started_at) AND is_time(ended_at) AND is_time(deadline) AND is_time(ready_at)) NOT VALID;
ALTER TABLE steps ADD CONSTRAINT sound_numbers
    CHECK (is_token(token) AND is_count(attempts) AND is_count(failures) AND is_count(generation)) NOT VALID;
ALTER TABLE attempts ADD CONSTRAINT sound_error CHECK (error IS NULL OR jsonb_typeof(error) = 'object') NOT VALID;
ALTER TABLE attempts ADD CONSTRAINT sound_times CHECK (is_time(started_at) AND is_time(ended_at)) NOT VALID;
ALTER TABLE attempts ADD CONSTRAINT sound_numbers CHECK (is_token(token) AND is_count(number)) NOT VALID;
ALTER TABLE compensations ADD CONSTRAINT sound_state
    CHECK (jsonb_typeof(state) = 'object' AND is_texts(kept) AND is_objects(former)) NOT VALID;
ALTER TABLE compensations ADD CONSTRAINT sound_times CHECK (is_time(armed_at) AND is_time(undone_at)) NOT VALID;
ALTER TABLE compensations ADD CONSTRAINT sound_numbers CHECK (is_count(generation) AND is_count(position)) NOT VALID;
ALTER TABLE checkpoints ADD CONSTRAINT sound_times CHECK (is_time(saved_at)) NOT VALID;
ALTER TABLE progress ADD CONSTRAINT sound_state CHECK (jsonb_typeof(state) = 'object') NOT VALID;
ALTER TABLE progress ADD CONSTRAINT sound_times CHECK (is_time(saved_at)) NOT VALID;
ALTER TABLE bases ADD CONSTRAINT sound_base CHECK (jsonb_typeof(base) = 'object') NOT VALID;
ALTER TABLE bases ADD CONSTRAINT sound_times CHECK (is_time(recorded_at)) NOT VALID;
ALTER TABLE proofs ADD CONSTRAINT sound_times CHECK (is_time(recorded_at)) NOT VALID;
ALTER TABLE history ADD CONSTRAINT sound_run
    CHECK (jsonb_typeof(run) = 'object' AND jsonb_typeof(parameters) = 'object' AND is_objects(attempts) AND is_objects(undone)) NOT VALID;
ALTER TABLE history ADD CONSTRAINT sound_times CHECK (is_time(created_at) AND is_time(ended_at)) NOT VALID;

-- What is there and breaks a check, with the job that can't go on for it; NULL for a row that stands for itself.
CREATE FUNCTION rotten() RETURNS TABLE (job uuid, reason text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    broken record;
BEGIN
    FOR broken IN
        SELECT t.relname AS place, c.conname AS rule, pg_get_expr(c.conbin, c.conrelid) AS expression, c.conrelid::regclass AS relation,
            CASE WHEN t.relname = 'jobs' THEN 'r.id'
                 WHEN t.relname IN ('windows', 'step_plans', 'steps', 'attempts', 'compensations') THEN 'r.job'
                 ELSE 'NULL::uuid' END AS owner,
            CASE WHEN t.relname IN ('windows', 'step_plans', 'steps', 'workers', 'plans', 'history') THEN 'r.id::text'
                 WHEN t.relname IN ('attempts', 'compensations', 'checkpoints', 'progress') THEN 'r.job || ''/'' || r.step'
                 WHEN t.relname = 'bases' THEN 'r.system || '' in '' || r.repository'
                 WHEN t.relname = 'proofs' THEN 'r.snapshot'
                 ELSE '''''' END AS key
        FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
        WHERE c.contype = 'c' AND c.connamespace = current_schema()::regnamespace AND c.conname LIKE 'sound\_%' AND NOT c.convalidated
        ORDER BY t.relname, c.conname
    LOOP
        RETURN QUERY EXECUTE format(
            'SELECT %s, %L || %s || %L FROM %s AS r WHERE NOT (%s)', broken.owner, broken.place || ' ', broken.key,
            ' breaks the rule ' || broken.rule, broken.relation, broken.expression);
    END LOOP;
END $$;

-- The tables are scanned once here. A rule that rows from before break stays as it is: it holds for what is written from now on.
DO $$
DECLARE
    rule record;
BEGIN
    FOR rule IN
        SELECT c.conrelid::regclass AS relation, c.conname AS name FROM pg_constraint c
        WHERE c.contype = 'c' AND c.connamespace = current_schema()::regnamespace AND c.conname LIKE 'sound\_%'
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', rule.relation, rule.name);
        EXCEPTION WHEN check_violation THEN
            NULL;
        END;
    END LOOP;
END $$;

-- These may be long: new rows are held to it, old ones are read with care.
ALTER TABLE events ADD CONSTRAINT real_time CHECK (is_time(at)) NOT VALID;
ALTER TABLE logs ADD CONSTRAINT real_time CHECK (is_time(at)) NOT VALID;

WITH found AS (
    INSERT INTO set_aside (job, reason) SELECT r.job, min(r.reason) FROM rotten() r WHERE r.job IS NOT NULL GROUP BY r.job RETURNING job, reason
)
INSERT INTO events (tenant, job, kind, details, is_alarm, at)
SELECT j.tenant, j.id, 'setAside', jsonb_build_object('reason', f.reason), true, now() FROM found f JOIN jobs j ON j.id = f.job;
