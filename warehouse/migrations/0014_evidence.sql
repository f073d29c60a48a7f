-- Papers that go with a contest or a report: kept in the database, so that a backup has them.
CREATE TABLE hub.attachment (
  attachment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject text NOT NULL CHECK (subject ~ '^(contest|rectification):[0-9]+$'),
  name text NOT NULL CHECK (name <> ''),
  content bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 10485760),
  added_by text NOT NULL,
  added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX attachment_subject ON hub.attachment (subject);

-- What a department reports about a problem it has to put right, and the application to close it. Another person reviews.
CREATE TABLE hub.rectification_report (
  report_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  problem_no text NOT NULL CHECK (problem_no <> ''),
  kind text NOT NULL CHECK (kind IN ('progress', 'closure')),
  progress_pct integer NOT NULL CHECK (progress_pct BETWEEN 0 AND 100),
  content text NOT NULL CHECK (content <> ''),
  department text NOT NULL,
  reported_by text NOT NULL,
  reported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  accepted boolean,
  answer text,
  answered_by text,
  answered_at timestamptz,
  CONSTRAINT rectification_report_two_people CHECK (lower(answered_by) <> lower(reported_by)),
  CHECK ((accepted IS NULL) = (answered_by IS NULL) AND (accepted IS NULL) = (answered_at IS NULL)),
  CHECK (accepted IS NOT FALSE OR answer <> ''),
  CHECK (kind = 'progress' OR progress_pct = 100)
);
CREATE UNIQUE INDEX rectification_report_one_waiting ON hub.rectification_report (problem_no, kind) WHERE accepted IS NULL;

-- Reminders follow from the causes of messages (hub.notice); nobody counts their steps here any more.
ALTER TABLE hub.correction_order DROP COLUMN reminded_pct;
