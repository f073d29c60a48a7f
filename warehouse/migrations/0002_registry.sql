-- Connectors registered through the hub itself: drafts, their approval, every version, and their standing.
CREATE TABLE hub.registration (
  registration_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  connector text NOT NULL CHECK (connector ~ '^[a-z][a-z0-9_]*/[a-z][a-z0-9_]*$'),
  state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'submitted', 'approved', 'rejected', 'withdrawn')),
  document json NOT NULL,
  contract text,
  seen json NOT NULL DEFAULT '{}',
  created_by text NOT NULL CHECK (created_by <> '' AND created_by = btrim(created_by)),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  submitted_by text CHECK (submitted_by <> '' AND submitted_by = btrim(submitted_by)),
  submitted_at timestamptz,
  decided_by text CHECK (decided_by <> '' AND decided_by = btrim(decided_by)),
  decided_at timestamptz,
  reason text,
  CHECK (state NOT IN ('submitted', 'approved', 'rejected') OR submitted_by IS NOT NULL),
  CHECK ((state IN ('approved', 'rejected')) = (decided_by IS NOT NULL)),
  -- Who made or submitted a registration does not decide on it.
  CONSTRAINT registration_two_people CHECK (
    decided_by IS NULL OR (lower(decided_by) <> lower(submitted_by) AND lower(decided_by) <> lower(created_by))
  )
);
CREATE INDEX registration_connector ON hub.registration (connector, registration_id DESC);

-- Every version a connector has had, only ever added to. `effective_on` is the first day of its layout: a delivery is
-- read by the version of its day. approved_by NULL: the version stood in a file, or is a decision of the drift inbox.
CREATE TABLE hub.connector_version (
  connector text NOT NULL,
  version int NOT NULL CHECK (version > 0),
  document json NOT NULL,
  contract text,
  effective_on date NOT NULL,
  made_by text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  approved_by text,
  registration_id bigint REFERENCES hub.registration,
  note text NOT NULL DEFAULT '',
  PRIMARY KEY (connector, version),
  CONSTRAINT connector_version_two_people CHECK (lower(approved_by) <> lower(made_by))
);

-- Whether a connector runs; one without a line runs. Applies to connectors of files too.
CREATE TABLE hub.connector_standing (
  connector text PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('active', 'paused', 'retired'))
);

-- All that people did with a connector, only ever added to.
CREATE TABLE hub.connector_event (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  connector text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  kind text NOT NULL,
  reason text NOT NULL DEFAULT ''
);
CREATE INDEX connector_event_connector ON hub.connector_event (connector, event_id);

-- The columns a source was last known to have, as [{name, type}], and when it was last asked and last answered.
CREATE TABLE hub.source_layout (
  source_id smallint PRIMARY KEY REFERENCES hub.source,
  columns json,
  asked_at timestamptz,
  answered_at timestamptz,
  delivered_at timestamptz,
  problem text
);

-- The drift inbox: where a source is no longer what was agreed. `subject` is the source column, '' for the delivery
-- as a whole; batch_id is the delivery that is held until somebody decides.
CREATE TABLE hub.drift (
  drift_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id smallint NOT NULL REFERENCES hub.source,
  kind text NOT NULL CHECK (kind IN ('column_added', 'column_gone', 'column_renamed', 'type_changed', 'code_added',
    'rows_dropped', 'empty', 'missing')),
  subject text NOT NULL DEFAULT '',
  message text NOT NULL,
  detail json NOT NULL DEFAULT '{}',
  holds boolean NOT NULL,
  delivery text NOT NULL DEFAULT '',
  content_sha256 text,
  batch_id int REFERENCES hub.batch,
  found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'mapped', 'rejected', 'closed')),
  decided_by text CHECK (decided_by <> ''),
  decided_at timestamptz,
  effective_on date,
  decision json,
  reason text NOT NULL DEFAULT '',
  CHECK (state IN ('open', 'closed') OR (decided_by IS NOT NULL AND decided_at IS NOT NULL)),
  CHECK (state NOT IN ('accepted', 'mapped') OR effective_on IS NOT NULL)
);
CREATE UNIQUE INDEX drift_open ON hub.drift (source_id, kind, subject, delivery) WHERE state = 'open';

-- A delivery whose change a person refused is not read again and not loaded.
ALTER TABLE hub.batch DROP CONSTRAINT batch_status_check;
ALTER TABLE hub.batch ADD CONSTRAINT batch_status_check
  CHECK (status IN ('committed', 'held', 'released', 'skipped', 'rejected'));
