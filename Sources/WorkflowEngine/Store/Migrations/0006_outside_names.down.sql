DROP TRIGGER note_outside_name ON compensations;
DROP FUNCTION note_outside_name();
DROP FUNCTION outside_name(uuid, text, integer);
DROP TABLE outside_names;
