-- Resolution and survivorship look at what changed since the last time. Nothing here is filled in: the first run
-- after this migration finds everything new and goes through all of it once.
ALTER TABLE hub.party ADD COLUMN considered_at timestamptz;
CREATE INDEX party_fresh ON hub.party (party) WHERE considered_at IS NULL;
CREATE INDEX party_considered ON hub.party (considered_at);
CREATE INDEX party_undecided ON hub.party (party) WHERE atom_id IS NULL AND match_rule IS NULL;
CREATE INDEX party_unshown ON hub.party (atom_id) WHERE enterprise_id IS NULL AND atom_id IS NOT NULL;
CREATE INDEX party_reg_no ON hub.party (reg_no) WHERE reg_no IS NOT NULL;
CREATE INDEX party_history_until ON hub.party_history (known_to);
CREATE INDEX enterprise_key_org ON hub.enterprise_key (substr(key, 11, 9)) WHERE kind = 'uscc';

-- When survivorship took a batch into account; NULL = not yet.
ALTER TABLE hub.batch ADD COLUMN settled_at timestamptz;
CREATE INDEX batch_unsettled ON hub.batch (batch_id) WHERE settled_at IS NULL;

-- What the golden records were made by, and until when changes are in them.
CREATE TABLE hub.survivorship (
  dataset text PRIMARY KEY,
  shape text NOT NULL,
  settled_at timestamptz NOT NULL
);

-- The same as before; an id that was never merged is looked up without walking all others.
CREATE OR REPLACE VIEW hub.enterprise_current AS
WITH RECURSIVE up AS (
  SELECT younger AS id, elder AS current_id FROM hub.enterprise_merge WHERE undone_at IS NULL
  UNION ALL
  SELECT up.id, m.elder FROM up JOIN hub.enterprise_merge m ON m.younger = up.current_id AND m.undone_at IS NULL
), root AS (
  SELECT id, current_id FROM up
  WHERE NOT EXISTS (SELECT 1 FROM hub.enterprise_merge m WHERE m.younger = up.current_id AND m.undone_at IS NULL)
)
SELECT atom.id, atom.since, coalesce(root.current_id, atom.id) AS current_id
FROM (SELECT enterprise_id AS id, min(since) AS since FROM hub.enterprise_key GROUP BY enterprise_id) atom
LEFT JOIN root ON root.id = atom.id;
