-- High-frequency problems found in the texts of tickets: what each is about, and which tickets are of it. Every version
-- is kept; the one that stands has known_to = infinity. A run tells how much it looked at, so that little news starts no new one.
CREATE TABLE hub.topic (
  topic_id text NOT NULL,
  title text NOT NULL,
  place text,
  keywords text,
  representative text NOT NULL,
  known_from timestamptz NOT NULL,
  known_to timestamptz NOT NULL DEFAULT 'infinity',
  PRIMARY KEY (topic_id, known_from)
);
CREATE TABLE hub.topic_ticket (
  ticket_no text NOT NULL,
  topic_id text NOT NULL,
  known_from timestamptz NOT NULL,
  known_to timestamptz NOT NULL DEFAULT 'infinity',
  PRIMARY KEY (ticket_no, known_from)
);
CREATE INDEX topic_ticket_topic ON hub.topic_ticket (topic_id) WHERE known_to = 'infinity';
CREATE TABLE hub.topic_run (
  found_at timestamptz PRIMARY KEY,
  as_of date NOT NULL,
  tickets int NOT NULL,
  words text NOT NULL
);

CREATE VIEW shared.hotline_topic AS
SELECT topic_id::varchar(16) AS topic_id, title, place, keywords, representative::varchar(40) AS representative_ticket_no
FROM hub.topic WHERE known_to = 'infinity';
COMMENT ON VIEW shared.hotline_topic IS '热点问题：每行一个从工单文字里归出的问题，同一地点的同一件事';
COMMENT ON COLUMN shared.hotline_topic.topic_id IS '题号，各次沿用';
COMMENT ON COLUMN shared.hotline_topic.title IS '标题，取代表工单的';
COMMENT ON COLUMN shared.hotline_topic.place IS '地点；空为不在某个地点';
COMMENT ON COLUMN shared.hotline_topic.keywords IS '关键词';
COMMENT ON COLUMN shared.hotline_topic.representative_ticket_no IS '代表工单';
CREATE VIEW shared.hotline_topic_ticket AS
SELECT ticket_no::varchar(40) AS ticket_no, topic_id::varchar(16) AS topic_id FROM hub.topic_ticket WHERE known_to = 'infinity';
COMMENT ON VIEW shared.hotline_topic_ticket IS '热点问题的工单：每行一张归入某题的工单';
COMMENT ON COLUMN shared.hotline_topic_ticket.ticket_no IS '工单编号';
COMMENT ON COLUMN shared.hotline_topic_ticket.topic_id IS '题号';
