DROP TABLE history, proofs, bases, logs, events, progress, checkpoints, holds, compensations, attempts, steps, step_plans, windows, jobs, workers, plans;
DROP SEQUENCE hold_slots;
DROP FUNCTION micros(timestamptz);
DROP FUNCTION instant(bigint);
