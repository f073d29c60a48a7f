-- What leaders publish and analysts keep: examples good and bad, and saved queries.

--- An example is drafted by one person, approved by another, and only then published. Its figures are those of the
--- day it was drafted (`as_of`); a correction is another example, the old one is withdrawn with a reason.
CREATE TABLE hub.exposure (
  exposure_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('red', 'black')),
  title text NOT NULL CHECK (title <> ''),
  content text NOT NULL CHECK (content <> ''),
  dept_code varchar(18) NOT NULL,
  link text NOT NULL DEFAULT '' CHECK (link = '' OR starts_with(link, '/boards/')),
  as_of date NOT NULL,
  drafted_by int NOT NULL REFERENCES hub.account,
  drafted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  decided_by int REFERENCES hub.account,
  decided_at timestamptz,
  approved boolean,
  answer text,
  published_by int REFERENCES hub.account,
  published_at timestamptz,
  withdrawn_by int REFERENCES hub.account,
  withdrawn_at timestamptz,
  withdrawn_reason text,
  CHECK (decided_by IS DISTINCT FROM drafted_by),
  CHECK ((approved IS NULL) = (decided_by IS NULL)),
  CHECK (approved IS DISTINCT FROM false OR answer IS NOT NULL),
  CHECK (published_at IS NULL OR approved),
  CHECK (withdrawn_at IS NULL OR (published_at IS NOT NULL AND withdrawn_reason IS NOT NULL))
);

--- A query somebody kept; a shared one is seen by all who may query, each with their own rows.
CREATE TABLE hub.saved_query (
  saved_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id int NOT NULL REFERENCES hub.account,
  title text NOT NULL CHECK (title <> ''),
  sql text NOT NULL CHECK (sql <> ''),
  parameters jsonb NOT NULL DEFAULT '{}',
  shared boolean NOT NULL DEFAULT false,
  saved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (account_id, title)
);
