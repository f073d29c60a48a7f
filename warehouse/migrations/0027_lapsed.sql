-- A doubt about who is who lapses when the records that raised it are gone, and stands again when they come back; NULL = it stands.
ALTER TABLE hub.identity_case ADD COLUMN lapsed_at timestamptz;
