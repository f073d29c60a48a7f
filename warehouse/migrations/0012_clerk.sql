-- Data objections: whoever uses a record says what is wrong with it; the department that provides it verifies and answers.
CREATE TABLE hub.objection (
  objection_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  dataset text NOT NULL,
  record_key text NOT NULL CHECK (record_key <> ''),
  field text,
  kind text NOT NULL CHECK (kind IN ('wrong', 'missing', 'outdated', 'duplicate', 'conflict')),
  said text NOT NULL CHECK (said <> ''),
  claimed text,
  evidence text,
  raised_by text NOT NULL,
  raised_dept text,
  raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  provider text NOT NULL,
  opened_on date NOT NULL,
  due_on date NOT NULL CHECK (due_on >= opened_on),
  provisional boolean NOT NULL,
  rule_id text NOT NULL,
  legal_basis text NOT NULL,
  result text CHECK (result IN ('corrected', 'kept', 'unverifiable')),
  answer text,
  answered_by text,
  answered_at timestamptz,
  -- Who raises an objection does not answer it.
  CONSTRAINT objection_two_people CHECK (lower(answered_by) <> lower(raised_by)),
  CHECK ((result IS NULL) = (answered_by IS NULL) AND (result IS NULL) = (answered_at IS NULL)),
  CHECK (result IS NULL OR answer <> '')
);
CREATE INDEX objection_provider ON hub.objection (provider) WHERE result IS NULL;

-- What users of the standards would have in them: a field, a code, a spelling. Another person decides.
CREATE TABLE hub.standard_proposal (
  proposal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('field', 'code', 'synonym')),
  subject text NOT NULL CHECK (subject <> ''),
  proposed text NOT NULL CHECK (proposed <> ''),
  basis text NOT NULL DEFAULT '',
  raised_by text NOT NULL,
  raised_dept text,
  raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  accepted boolean,
  answer text,
  answered_by text,
  answered_at timestamptz,
  CONSTRAINT standard_proposal_two_people CHECK (lower(answered_by) <> lower(raised_by)),
  CHECK ((accepted IS NULL) = (answered_by IS NULL))
);
