/* ---
title: 12345 热线两处报来的同一编号
question: 哪些工单编号由县、市两处热线各报来一份，不取的是哪份？
grain: 每行一份不取的工单
owner: 县热线办
definition:
  counted_source: 取的那份来自哪里：最早记录的，同时记录的按来源名；各项指标只算它
refresh:
  of: hotline_ticket
  by: {ticket_no: ticket_no}
--- */
WITH twice AS (
  SELECT ticket_no
  FROM hotline_ticket
  GROUP BY ticket_no
  HAVING COUNT(*) > 1
),
told AS (
  SELECT
    t.ticket_no,
    t.source_system,
    FIRST_VALUE(t.source_system) OVER (PARTITION BY t.ticket_no ORDER BY t.recorded_at, t.source_system) AS counted_source,
    ROW_NUMBER() OVER (PARTITION BY t.ticket_no ORDER BY t.recorded_at, t.source_system) AS place
  FROM hotline_ticket AS t
  JOIN twice ON twice.ticket_no = t.ticket_no
)
SELECT
  ticket_no,                                                           -- 工单编号
  source_system,                                                       -- 不取的这份来自
  counted_source                                                       -- 取的那份来自
FROM told
WHERE place > 1
