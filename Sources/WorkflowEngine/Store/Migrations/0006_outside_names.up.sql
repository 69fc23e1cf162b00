-- What jobs of this database have named outside, long after the jobs are gone: what bears such a name and is owed by nobody is ours to release.
-- docs/database.md, "Names outside".
CREATE TABLE outside_names (
    -- As StepKey gives it.
    key        text PRIMARY KEY,
    tenant     text NOT NULL,
    pipeline   text NOT NULL,
    job        uuid NOT NULL,
    -- The compensation, what undoes it (`thaw`, `release`, `detach`), and the step that acquired.
    step       text NOT NULL,
    undo       text NOT NULL,
    acquirer   text NOT NULL,
    generation integer NOT NULL,
    host       text,
    armed_at   timestamptz NOT NULL
);
CREATE INDEX outside_names_armed ON outside_names (armed_at);

CREATE FUNCTION outside_name(job uuid, acquirer text, generation integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'sf-' || left(encode(sha256(convert_to(job::text || E'\n' || acquirer || E'\n' || generation, 'UTF8')), 'hex'), 26);

-- In the transaction that arms, whoever writes the row: a worker of the version before, or one that puts a job back out of the history.
CREATE FUNCTION note_outside_name() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outside_names (key, tenant, pipeline, job, step, undo, acquirer, generation, host, armed_at)
    SELECT outside_name(NEW.job, p.planned ->> 'undoes', NEW.generation), j.tenant, j.pipeline, NEW.job, NEW.step, p.planned ->> 'verb',
        p.planned ->> 'undoes', NEW.generation, NEW.host, NEW.armed_at
    FROM jobs j JOIN step_plans p ON p.job = j.id AND p.id = NEW.step
    WHERE j.id = NEW.job AND p.planned ->> 'undoes' IS NOT NULL AND p.planned ->> 'verb' IS NOT NULL
    ON CONFLICT (key) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER note_outside_name AFTER INSERT ON compensations FOR EACH ROW EXECUTE FUNCTION note_outside_name();

-- What is known from before: jobs that are there, and those of the history.
INSERT INTO outside_names (key, tenant, pipeline, job, step, undo, acquirer, generation, host, armed_at)
SELECT outside_name(c.job, p.planned ->> 'undoes', c.generation), j.tenant, j.pipeline, c.job, c.step, p.planned ->> 'verb',
    p.planned ->> 'undoes', c.generation, c.host, c.armed_at
FROM compensations c JOIN jobs j ON j.id = c.job JOIN step_plans p ON p.job = c.job AND p.id = c.step
WHERE p.planned ->> 'undoes' IS NOT NULL AND p.planned ->> 'verb' IS NOT NULL
ON CONFLICT (key) DO NOTHING;

INSERT INTO outside_names (key, tenant, pipeline, job, step, undo, acquirer, generation, host, armed_at)
SELECT outside_name(h.id, s ->> 'undoes', u.generation), h.tenant, h.pipeline, h.id, u.step, s ->> 'verb', s ->> 'undoes', u.generation, u.host,
    u.armed_at
FROM history h
CROSS JOIN LATERAL jsonb_to_recordset(h.undone) AS u(step text, generation integer, host text, armed_at timestamptz)
CROSS JOIN LATERAL jsonb_path_query(h.run, '$.definition.steps[*]') AS s
WHERE jsonb_array_length(h.undone) > 0 AND s ->> 'id' = u.step AND s ->> 'undoes' IS NOT NULL AND s ->> 'verb' IS NOT NULL
    AND u.generation IS NOT NULL AND u.armed_at IS NOT NULL
ON CONFLICT (key) DO NOTHING;
