-- Who remembers a job in an earlier version reads the rows that have changed since, and not the job; and no row names a worker that there is not.
-- docs/database.md.

-- The job's version with which a transition wrote the row last. The greatest number: written by somebody else, so it is read again and again until a
-- transition writes it. What is there is read whole by who knows of this column.
ALTER TABLE steps ADD COLUMN changed_in bigint NOT NULL DEFAULT 0;
ALTER TABLE windows ADD COLUMN changed_in bigint NOT NULL DEFAULT 0;
ALTER TABLE compensations ADD COLUMN changed_in bigint NOT NULL DEFAULT 0;
ALTER TABLE steps ALTER COLUMN changed_in SET DEFAULT 9223372036854775807;
ALTER TABLE windows ALTER COLUMN changed_in SET DEFAULT 9223372036854775807;
ALTER TABLE compensations ALTER COLUMN changed_in SET DEFAULT 9223372036854775807;
CREATE INDEX steps_changed ON steps (job, changed_in);

CREATE FUNCTION changed_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := 9223372036854775807;
    RETURN NEW;
END $$;
-- What a step owes is read with the step.
CREATE FUNCTION owed_by_hand() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE steps SET changed_in = 9223372036854775807
    WHERE (job, id) IN ((OLD.job, OLD.step), (NEW.job, NEW.step)) AND changed_in <> 9223372036854775807;
    RETURN NULL;
END $$;
-- A transition gives a row another number, whoever does not know of it leaves it: a hand, or a worker of the version before that ends what it runs.
CREATE TRIGGER changed_by_hand BEFORE UPDATE ON steps
    FOR EACH ROW WHEN (NEW.changed_in = OLD.changed_in) EXECUTE FUNCTION changed_by_hand();
CREATE TRIGGER changed_by_hand BEFORE UPDATE ON windows
    FOR EACH ROW WHEN (NEW.changed_in = OLD.changed_in) EXECUTE FUNCTION changed_by_hand();
CREATE TRIGGER owed_by_hand AFTER UPDATE ON compensations
    FOR EACH ROW WHEN (NEW.changed_in = OLD.changed_in) EXECUTE FUNCTION owed_by_hand();
CREATE TRIGGER owed_no_more AFTER DELETE ON compensations
    FOR EACH ROW WHEN (OLD.undone_at IS NULL) EXECUTE FUNCTION owed_by_hand();
CREATE TRIGGER owed_anew AFTER INSERT ON compensations
    FOR EACH ROW WHEN (NEW.changed_in = 9223372036854775807 AND NEW.undone_at IS NULL) EXECUTE FUNCTION owed_by_hand();

-- Only what a worker that there is runs or holds is ever taken back. Rows from before that name another are found by `lost-work.sql`.
ALTER TABLE steps ADD CONSTRAINT worker_is_known FOREIGN KEY (worker) REFERENCES workers (id) NOT VALID;
ALTER TABLE windows ADD CONSTRAINT worker_is_known FOREIGN KEY (worker) REFERENCES workers (id) NOT VALID;
DO $$
DECLARE
    place text;
BEGIN
    FOREACH place IN ARRAY ARRAY['steps', 'windows'] LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %I VALIDATE CONSTRAINT worker_is_known', place);
        EXCEPTION WHEN foreign_key_violation THEN
            NULL;
        END;
    END LOOP;
END $$;
