/* ---
title: 12345 热线暂停计时
question: 哪些工单停过钟，从何时停到何时？
grain: 每行一张工单的一次暂停；连着挂起几回、中间没有恢复的算一次
owner: 县热线办
definition:
  paused_at: 环节“挂起”的时间
  resumed_at: 其后第一个使工单继续的环节（恢复、结案、重办、改派）的时间；空值表示至数据日还停着
refresh:
  of: hotline_ticket_event
  by: {ticket_no: ticket_no}
--- */
WITH stopped AS (
  SELECT DISTINCT ticket_no
  FROM hotline_ticket_event
  WHERE step = '挂起' AND event_at < :as_of + INTERVAL '1' DAY AND ticket_no IS NOT NULL
),
step AS (
  SELECT
    e.ticket_no,
    e.event_at,
    e.step,
    MIN(CASE WHEN e.step <> '挂起' THEN e.event_at END) OVER (
      PARTITION BY e.ticket_no ORDER BY e.event_at, e.seq, e.event_id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS resumed_at
  FROM hotline_ticket_event AS e
  JOIN stopped ON stopped.ticket_no = e.ticket_no
  WHERE e.step IN ('挂起', '恢复', '结案', '重办', '改派') AND e.event_at < :as_of + INTERVAL '1' DAY
),
-- Two stops with nothing between them end together, so one row per end is one pause.
span AS (
  SELECT
    ticket_no,
    MIN(event_at) AS paused_at,
    resumed_at
  FROM step
  WHERE step = '挂起' AND (resumed_at IS NULL OR resumed_at > event_at)
  GROUP BY ticket_no, resumed_at
)
SELECT
  ticket_no,                                                           -- 工单编号
  paused_at,                                                           -- 停钟
  resumed_at                                                           -- 再走
FROM span
