-- A file that was overwritten may be put back as it was: the same name and bytes are then taken in a second time.
DROP INDEX hub.batch_content;
CREATE INDEX batch_content ON hub.batch (source_id, delivery) WHERE content_sha256 IS NOT NULL;
