/* ---
title: 12345 热线同一上级工单号的重复登记
question: 哪些工单是市、省热线同一张工单转来又登记了一次，算在哪一张里？
grain: 每行一张不单独计数的工单
owner: 县热线办
definition:
  counted_ticket_no: 同一上级工单号里最早记录的那张；各项指标只算它
refresh:
  of: hotline_ticket
  by: {ticket_no: ticket_no}
  join: {hotline_told_twice: ticket_no}
  spread: [upstream_no]
--- */
WITH numbered AS (
  SELECT
    t.ticket_no,
    t.upstream_no,
    t.recorded_at,
    FIRST_VALUE(t.ticket_no) OVER (PARTITION BY t.upstream_no ORDER BY t.recorded_at, t.ticket_no) AS counted_ticket_no,
    ROW_NUMBER() OVER (PARTITION BY t.upstream_no ORDER BY t.recorded_at, t.ticket_no) AS place
  FROM hotline_ticket AS t
  LEFT JOIN hotline_told_twice AS copy ON copy.ticket_no = t.ticket_no AND copy.source_system IS NOT DISTINCT FROM t.source_system
  -- Told by two desks, a ticket is no second registration of itself.
  WHERE t.upstream_no IS NOT NULL AND t.recorded_at < :as_of + INTERVAL '1' DAY AND copy.ticket_no IS NULL
)
SELECT
  ticket_no,                                                           -- 工单编号
  upstream_no,                                                         -- 上级工单号
  counted_ticket_no,                                                   -- 算在这一张里
  recorded_at                                                          -- 记录时间
FROM numbered
WHERE place > 1
