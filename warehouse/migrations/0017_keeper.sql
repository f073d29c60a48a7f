-- Whoever keeps a board's records sees all of its rows: the hotline office every unit's tickets, the rectification office every
-- unit's problems, or it could not review what they report. Who that is, the sources say.
CREATE FUNCTION hub.keeps(board text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT FROM hub.source s WHERE s.department = (hub.me()).department AND s.dataset =
    CASE board WHEN 'hotline' THEN 'hotline_ticket' WHEN 'rectification' THEN 'rectification_problem' WHEN 'indicator' THEN 'indicator_score' END)
$$;

-- The department rule of a board's table, as before and with the keeper's.
CREATE OR REPLACE FUNCTION hub.guard(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  owner_column text;
  board text;
  names_callers boolean;
  reader text := current_database() || '_reader';
BEGIN
  SELECT attname INTO owner_column FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped
    AND attname IN ('main_dept_code', 'lead_dept_code', 'provider_dept_code', 'dept_code', 'owner_dept_code', 'department_code')
    ORDER BY attnum LIMIT 1;
  SELECT split_part(c.relname, '_', 1), starts_with(c.relname, 'hotline') AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = target AND NOT a.attisdropped
    AND (a.attname IN ('enterprise', 'enterprise_id', 'enterprise_name', 'enterprise_code', 'uscc', 'event_address', 'content')
      OR starts_with(a.attname, 'caller_'))) INTO board, names_callers FROM pg_class c WHERE c.oid = target;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('DROP POLICY IF EXISTS by_department ON %s', target);
  EXECUTE format('CREATE POLICY by_department ON %s FOR SELECT USING (%s)', target,
    CASE WHEN names_callers THEN '(SELECT hub.sees_boards()) AND (SELECT hub.sees_callers())'
    WHEN owner_column IS NULL THEN '(SELECT hub.sees_boards())'
    ELSE format('(SELECT hub.sees_boards()) AND ((SELECT hub.whole_county()) OR %I::text = (SELECT hub.my_dept_code()) OR (SELECT hub.keeps(%L)))', owner_column, board) END);
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
    EXECUTE format('GRANT SELECT ON %s TO %I', target, reader);
  END IF;
END $$;
DO $$ BEGIN
  PERFORM hub.guard(c.oid) FROM pg_class c WHERE c.relnamespace = 'board'::regnamespace AND c.relkind = 'r';
END $$;
