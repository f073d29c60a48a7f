-- One owner per data element (一数一源), what disagrees with it, who decided, and what the golden record was before.

-- One row per field group of a dataset and owner over time; `until` NULL = the owner now. At most one owner at a time.
CREATE TABLE hub.data_owner (
  dataset text NOT NULL,
  field_group text NOT NULL,
  department text NOT NULL,
  since date NOT NULL,
  until date CHECK (until >= since),
  PRIMARY KEY (dataset, field_group, since)
);
CREATE UNIQUE INDEX data_owner_one ON hub.data_owner (dataset, field_group) WHERE until IS NULL;

-- One row per disagreement of a source with the owner about one field group of one enterprise, for ever.
CREATE TABLE hub.conflict (
  conflict_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  enterprise_id uuid NOT NULL,
  field_group text NOT NULL,
  owner text NOT NULL,
  source_id integer NOT NULL REFERENCES hub.source,
  batch_id integer NOT NULL,
  stands jsonb NOT NULL,
  said jsonb NOT NULL,
  former boolean NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_on date NOT NULL,
  provisional boolean NOT NULL,
  rule_id text NOT NULL,
  legal_basis text NOT NULL,
  closed_at timestamptz,
  outcome text CHECK (outcome IN ('agreed', 'withdrawn', 'kept', 'overruled', 'moved')),
  CHECK ((closed_at IS NULL) = (outcome IS NULL))
);
CREATE UNIQUE INDEX conflict_open ON hub.conflict (enterprise_id, field_group, source_id, md5(said::text)) WHERE closed_at IS NULL;
CREATE INDEX conflict_enterprise ON hub.conflict (enterprise_id);

-- One row per decision on a conflict, only ever added to; `chosen` NULL = the owner's value stays. It holds while
-- neither side says anything else: then it expires, and the conflict, if there still is one, is opened anew.
CREATE TABLE hub.verdict (
  verdict_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  conflict_id bigint NOT NULL UNIQUE REFERENCES hub.conflict,
  enterprise_id uuid NOT NULL,
  field_group text NOT NULL,
  chosen jsonb,
  reason text NOT NULL CHECK (reason <> ''),
  evidence text NOT NULL CHECK (evidence <> ''),
  by_whom text NOT NULL CHECK (by_whom <> ''),
  decided_at timestamptz NOT NULL,
  signature text NOT NULL,
  expired_at timestamptz,
  expired_because text,
  CHECK ((expired_at IS NULL) = (expired_because IS NULL))
);
CREATE UNIQUE INDEX verdict_standing ON hub.verdict (enterprise_id, field_group) WHERE expired_at IS NULL AND chosen IS NOT NULL;

-- The golden record before each change: one row per enterprise and version, as it was shown from known_from to known_to.
CREATE TABLE hub.enterprise_history (
  enterprise_id varchar(36) NOT NULL,
  known_from timestamptz NOT NULL,
  known_to timestamptz NOT NULL,
  record jsonb NOT NULL,
  PRIMARY KEY (enterprise_id, known_from)
);
