-- A doubt about who is who lapses when the records that raised it are gone, and stands again when they come back (NULL = it
-- stands). A verdict is about the names it was given on: `settled`, and of these `accepted` as names of the code.
ALTER TABLE hub.identity_case ADD COLUMN lapsed_at timestamptz, ADD COLUMN settled text[] NOT NULL DEFAULT '{}', ADD COLUMN accepted text[] NOT NULL DEFAULT '{}';
UPDATE hub.identity_case SET settled = names, accepted = CASE WHEN verdict = 'same' THEN names ELSE '{}' END WHERE verdict IS NOT NULL;
