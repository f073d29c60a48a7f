-- The days on which a source was asked and answered, whether or not it had anything new: a source that delivers only what
-- changed is on time on a quiet day too.
CREATE TABLE hub.source_answer (
  source_id int NOT NULL REFERENCES hub.source,
  answered_on date NOT NULL,
  answered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (source_id, answered_on)
);
COMMENT ON TABLE hub.source_answer IS '来源应答：每行一个来源答复了的一天（通衢的日子），有没有新数据都算';
COMMENT ON COLUMN hub.source_answer.source_id IS '来源';
COMMENT ON COLUMN hub.source_answer.answered_on IS '哪一天';
COMMENT ON COLUMN hub.source_answer.answered_at IS '那一天第一次答复的时间';
INSERT INTO hub.source_answer SELECT source_id, (answered_at AT TIME ZONE 'Asia/Shanghai')::date, answered_at FROM hub.source_layout WHERE answered_at IS NOT NULL;
