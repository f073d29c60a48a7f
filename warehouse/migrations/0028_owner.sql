-- Who owned a field group at an instant: the past is told by the owner of its time, also when the owner changed twice in a day.
ALTER TABLE hub.data_owner ADD COLUMN known_from timestamptz NOT NULL DEFAULT clock_timestamp(), ADD COLUMN known_to timestamptz;
UPDATE hub.data_owner SET known_from = since::timestamp AT TIME ZONE 'Asia/Shanghai', known_to = until::timestamp AT TIME ZONE 'Asia/Shanghai';
ALTER TABLE hub.data_owner DROP CONSTRAINT data_owner_pkey, ADD PRIMARY KEY (dataset, field_group, known_from), ADD CHECK ((until IS NULL) = (known_to IS NULL));
