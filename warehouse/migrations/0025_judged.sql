-- A delivery that the batch rules held waits in the drift inbox as every other held one does: accepted or refused there.
ALTER TABLE hub.drift DROP CONSTRAINT drift_kind_check;
ALTER TABLE hub.drift ADD CONSTRAINT drift_kind_check CHECK (kind IN ('column_added', 'column_gone', 'column_renamed', 'type_changed',
  'code_added', 'rows_dropped', 'empty', 'missing', 'judged'));
INSERT INTO hub.drift (source_id, kind, message, holds, delivery, content_sha256, batch_id, found_at)
SELECT DISTINCT ON (b.source_id, b.delivery) b.source_id, 'judged', '整批规则没有通过', true, b.delivery, b.content_sha256, b.batch_id, b.committed_at
FROM hub.batch b WHERE b.status = 'held' AND NOT EXISTS (SELECT FROM hub.drift d WHERE d.batch_id = b.batch_id AND d.holds)
  AND NOT EXISTS (SELECT FROM hub.batch n WHERE n.source_id = b.source_id AND n.batch_id > b.batch_id AND n.status = 'committed' AND n.kind <> 'correction')
ORDER BY b.source_id, b.delivery, b.batch_id DESC;
