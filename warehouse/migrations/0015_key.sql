-- Every time the county's key was rotated. The keys themselves are files of the hub home; here is which are in force.
CREATE TABLE hub.key_rotation (
  generation int PRIMARY KEY CHECK (generation > 0),
  fingerprint text NOT NULL UNIQUE,
  rotated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  by_whom text NOT NULL CHECK (by_whom <> ''),
  reason text NOT NULL CHECK (reason <> ''),
  prints bigint NOT NULL
);
