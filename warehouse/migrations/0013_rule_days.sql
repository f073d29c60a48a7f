-- A column of which every value was NULL had been made as text: views compare days with it.
DO $$
DECLARE col text;
BEGIN
  FOR col IN SELECT column_name FROM information_schema.columns
    WHERE table_schema = 'shared' AND table_name = 'deadline_rule' AND column_name IN ('effective_from', 'effective_to') AND data_type = 'text'
  LOOP
    EXECUTE 'DROP VIEW IF EXISTS masked.deadline_rule'; -- made anew by access.secure, as whoever reads it may see it
    EXECUTE 'ALTER TABLE shared.deadline_rule ALTER COLUMN ' || quote_ident(col) || ' TYPE date USING ' || quote_ident(col) || '::date';
  END LOOP;
END $$;

UPDATE hub.reference_history SET columns = (
  SELECT jsonb_agg(CASE WHEN c ->> 'name' IN ('effective_from', 'effective_to') THEN jsonb_set(c, '{type}', '"date"') ELSE c END ORDER BY place)
  FROM jsonb_array_elements(columns) WITH ORDINALITY AS e (c, place)
) WHERE name = 'deadline_rule';
