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
  -- Since when: since the last change that was kept, else since the first decision.
  INSERT INTO hub.party_history
  SELECT o.party, o.enterprise_id, coalesce(h.known_to, o.decided_at), clock_timestamp()
  FROM was o JOIN became n ON n.party = o.party
  LEFT JOIN LATERAL (SELECT known_to FROM hub.party_history k WHERE k.party = o.party ORDER BY known_to DESC LIMIT 1) h ON true
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

-- Sample frames: the population of a period, frozen; one row per event, eligible or with the reason why not.
CREATE TABLE hub.sample_frame (
  frame_id text PRIMARY KEY,
  frame text NOT NULL,
  title text NOT NULL,
  period_start date NOT NULL,
  period_end date NOT NULL CHECK (period_end >= period_start),
  version int NOT NULL,
  rule jsonb NOT NULL,
  strata text[] NOT NULL,
  population_n int NOT NULL,
  eligible_n int NOT NULL,
  sha256 text NOT NULL,
  frozen_by text NOT NULL CHECK (frozen_by <> ''),
  frozen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (frame, period_start, period_end, version)
);
CREATE TABLE hub.sample_unit (
  frame_id text NOT NULL REFERENCES hub.sample_frame,
  unit_no int NOT NULL,
  enterprise_id varchar(36),
  uscc text,
  name text,
  event_on date,
  ref_no text,
  industry_code text,
  size_class text,
  town_code text,
  phone_masked text,
  phone_shared int NOT NULL,
  eligible boolean NOT NULL,
  exclude_reason text,
  stratum text NOT NULL,
  PRIMARY KEY (frame_id, unit_no),
  CHECK (eligible = (exclude_reason IS NULL))
);
CREATE TABLE hub.sample_draw (
  frame_id text NOT NULL REFERENCES hub.sample_frame,
  draw_no int NOT NULL,
  seed text NOT NULL,
  wanted int NOT NULL,
  minimum int NOT NULL,
  drawn_n int NOT NULL,
  sha256 text NOT NULL,
  drawn_by text NOT NULL CHECK (drawn_by <> ''),
  drawn_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (frame_id, draw_no)
);
CREATE TABLE hub.sample_drawn (
  frame_id text NOT NULL,
  draw_no int NOT NULL,
  unit_no int NOT NULL,
  stratum text NOT NULL,
  weight numeric(14,6) NOT NULL,
  PRIMARY KEY (frame_id, draw_no, unit_no),
  FOREIGN KEY (frame_id, draw_no) REFERENCES hub.sample_draw,
  FOREIGN KEY (frame_id, unit_no) REFERENCES hub.sample_unit
);
-- Who was given the contacts of a draw, by whom and why. Never changed, only added to.
CREATE TABLE hub.sample_release (
  release_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  frame_id text NOT NULL,
  draw_no int NOT NULL,
  released_to text NOT NULL CHECK (released_to <> ''),
  released_by text NOT NULL CHECK (released_by <> ''),
  reason text NOT NULL CHECK (reason <> ''),
  units int NOT NULL,
  released_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (frame_id, draw_no) REFERENCES hub.sample_draw
);
CREATE FUNCTION hub.keep_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a frozen frame or draw is not changed or deleted';
END $$;
CREATE TRIGGER sample_frame_kept BEFORE UPDATE OR DELETE ON hub.sample_frame FOR EACH ROW EXECUTE FUNCTION hub.keep_frozen();
CREATE TRIGGER sample_unit_kept BEFORE UPDATE OR DELETE ON hub.sample_unit FOR EACH ROW EXECUTE FUNCTION hub.keep_frozen();
CREATE TRIGGER sample_draw_kept BEFORE UPDATE OR DELETE ON hub.sample_draw FOR EACH ROW EXECUTE FUNCTION hub.keep_frozen();
CREATE TRIGGER sample_drawn_kept BEFORE UPDATE OR DELETE ON hub.sample_drawn FOR EACH ROW EXECUTE FUNCTION hub.keep_frozen();
CREATE TRIGGER sample_release_kept BEFORE UPDATE OR DELETE ON hub.sample_release FOR EACH ROW EXECUTE FUNCTION hub.keep_frozen();
