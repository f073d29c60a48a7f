-- Identity over time. A party's own id (atom_id) is never overwritten: merges are parent pointers between ids, and the
-- shown enterprise_id is the root they lead to. Taking a pointer away gives both back as they were.
ALTER TABLE hub.party ADD COLUMN atom_id uuid;
UPDATE hub.party SET atom_id = enterprise_id;
CREATE INDEX party_atom ON hub.party (atom_id);

-- One row per merge, for ever: younger was joined to elder. At most one stands for each younger, so they form a forest.
CREATE TABLE hub.enterprise_merge (
  merge_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  elder uuid NOT NULL,
  younger uuid NOT NULL,
  rule text NOT NULL CHECK (rule IN ('person', 'register_row')),
  by_whom text NOT NULL,
  reason text NOT NULL CHECK (reason <> ''),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  undone_at timestamptz,
  undone_by text,
  undone_reason text CHECK (undone_reason <> ''),
  CHECK (elder <> younger),
  CHECK ((undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undone_reason IS NULL))
);
CREATE UNIQUE INDEX enterprise_merge_younger ON hub.enterprise_merge (younger) WHERE undone_at IS NULL;

-- What a person parted, or said to be two: no rule joins these again, only a person.
CREATE TABLE hub.enterprise_apart (
  a uuid NOT NULL,
  b uuid NOT NULL,
  by_whom text NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (a, b),
  CHECK (a < b)
);

-- Every id there has been and the one it leads to now (itself, unless merged).
CREATE VIEW hub.enterprise_current AS
WITH RECURSIVE atom AS (
  SELECT enterprise_id AS id, min(since) AS since FROM hub.enterprise_key GROUP BY enterprise_id
), up AS (
  SELECT id, id AS current_id FROM atom
  UNION ALL
  SELECT up.id, m.elder FROM up JOIN hub.enterprise_merge m ON m.younger = up.current_id AND m.undone_at IS NULL
)
SELECT atom.id, atom.since, up.current_id FROM atom JOIN up USING (id)
WHERE NOT EXISTS (SELECT 1 FROM hub.enterprise_merge m WHERE m.younger = up.current_id AND m.undone_at IS NULL);

-- What no rule may decide. `subject` is the code or the name the case is about; a verdict stands until it is changed.
CREATE TABLE hub.identity_case (
  case_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('same_code_other_name', 'same_name_other_code', 'branch_under_code', 'merge_refused')),
  subject text NOT NULL,
  ids uuid[] NOT NULL,
  names text[] NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  verdict text CHECK (verdict IN ('same', 'different')),
  by_whom text,
  reason text CHECK (reason <> ''),
  closed_at timestamptz,
  UNIQUE (kind, subject),
  CHECK ((closed_at IS NULL) = (verdict IS NULL) AND (closed_at IS NULL) = (by_whom IS NULL) AND (closed_at IS NULL) = (reason IS NULL))
);
CREATE INDEX identity_case_open ON hub.identity_case (kind) WHERE closed_at IS NULL;
