-- Reference tables as they were: the whole table at each change, so that a past figure finds the past code lists.
CREATE TABLE hub.reference_history (
  name text NOT NULL,
  known_from timestamptz NOT NULL DEFAULT clock_timestamp(),
  columns jsonb NOT NULL,
  rows jsonb NOT NULL,
  PRIMARY KEY (name, known_from)
);

-- Which enterprise a party was taken for, before it was taken for another.
CREATE TABLE hub.party_history (
  party uuid NOT NULL,
  enterprise_id uuid NOT NULL,
  known_from timestamptz NOT NULL,
  known_to timestamptz NOT NULL
);
CREATE INDEX party_history_party ON hub.party_history (party);
CREATE FUNCTION hub.keep_party() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO hub.party_history
  SELECT o.party, o.enterprise_id, o.decided_at, coalesce(n.decided_at, clock_timestamp())
  FROM was o JOIN became n ON n.party = o.party
  WHERE o.enterprise_id IS NOT NULL AND o.decided_at IS NOT NULL AND o.enterprise_id IS DISTINCT FROM n.enterprise_id;
  RETURN NULL;
END $$;
CREATE TRIGGER party_history AFTER UPDATE ON hub.party REFERENCING OLD TABLE AS was NEW TABLE AS became
  FOR EACH STATEMENT EXECUTE FUNCTION hub.keep_party();

-- A figure given out: what was asked, as known when, by which texts, and the rows that came.
CREATE TABLE hub.publication (
  publication_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  view text NOT NULL,
  title text NOT NULL,
  as_of date NOT NULL,
  known_at timestamptz NOT NULL,
  parameters jsonb NOT NULL,
  queries jsonb NOT NULL,
  view_version text NOT NULL,
  contract_versions jsonb NOT NULL,
  columns jsonb NOT NULL,
  row_count bigint NOT NULL,
  row_hash text NOT NULL,
  note text NOT NULL DEFAULT '',
  proposed_by text NOT NULL CHECK (proposed_by <> '' AND proposed_by = btrim(proposed_by)),
  proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  state text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'approved', 'rejected')),
  decided_by text CHECK (decided_by <> '' AND decided_by = btrim(decided_by)),
  decided_at timestamptz,
  reason text NOT NULL DEFAULT '',
  CHECK ((state = 'proposed') = (decided_by IS NULL)),
  CONSTRAINT publication_two_people CHECK (lower(decided_by) <> lower(proposed_by))
);
CREATE TABLE hub.publication_row (
  publication_id bigint NOT NULL REFERENCES hub.publication,
  row_no int NOT NULL,
  row json NOT NULL,
  PRIMARY KEY (publication_id, row_no)
);

-- What was given out stays as it was: only the decision on a proposal is ever added to it.
CREATE FUNCTION hub.keep_publication() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'publication' THEN
    IF OLD.state = 'proposed'
      AND (to_jsonb(NEW) - '{state,decided_by,decided_at,reason}'::text[]) = (to_jsonb(OLD) - '{state,decided_by,decided_at,reason}'::text[])
    THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'a publication is not changed or deleted';
END $$;
CREATE TRIGGER publication_kept BEFORE UPDATE OR DELETE ON hub.publication
  FOR EACH ROW EXECUTE FUNCTION hub.keep_publication();
CREATE TRIGGER publication_row_kept BEFORE UPDATE OR DELETE ON hub.publication_row
  FOR EACH ROW EXECUTE FUNCTION hub.keep_publication();
