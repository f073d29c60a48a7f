/* ---
title: 12345 热线热点问题（近 30 天）
question: 近 30 天许多人说的是哪个地方的哪一件事，是多了还是少了，该不该预警？
grain: 每行一个从工单文字里归出的问题（同一地点的同一件事，说法可以不同），只列达到高频线的
owner: 县热线办
definition:
  tickets: 数据日往前 30 天（含当日）记录的工单，同一上级工单号的第二张起、同一编号由两处报来的第二份不算
  callers: 其中不同诉求人数；没有诉求人指纹的不算人数
  share_pct: 本期工单 ÷ 本期全部工单 × 100
  share_rise_pct: （本期占比 ÷ 上期占比 − 1）× 100；上期没有时为空
  warning: 占比上升，本期不少于预警线、占比比上期升了预警升幅以上；新出现，上期一件没有、本期不少于预警线
  heat: 件数、人数各按自然对数压缩、除以最多的一题，各占一半，满分 100
parameters:
  window_days: {value: 30, title: 统计天数, source: 县热线办默认值，可按当年考核办法修改}
  least_callers: {value: 3, title: 高频线：不同诉求人不少于, source: 县热线办默认值，可按当年考核办法修改}
  least_tickets: {value: 3, title: 高频线：工单不少于, source: 县热线办默认值，可按当年考核办法修改}
  warn_tickets: {value: 5, title: 预警线：工单不少于, source: 县热线办默认值，可按当年考核办法修改}
  warn_rise_pct: {value: 50, title: 预警升幅（%）, source: 县热线办默认值，可按当年考核办法修改}
--- */
WITH recent AS (
  SELECT
    t.ticket_no,
    t.caller_hash,
    t.recorded_at,
    t.closed_at,
    member.topic_id,
    t.recorded_at >= :as_of + INTERVAL '1' DAY - :window_days * INTERVAL '1' DAY AS this_period
  FROM hotline_ticket AS t
  LEFT JOIN hotline_topic_ticket AS member ON member.ticket_no = t.ticket_no
  LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
  LEFT JOIN hotline_told_twice AS copy ON copy.ticket_no = t.ticket_no AND copy.source_system IS NOT DISTINCT FROM t.source_system
  WHERE t.recorded_at < :as_of + INTERVAL '1' DAY
    AND t.recorded_at >= :as_of + INTERVAL '1' DAY - 2 * :window_days * INTERVAL '1' DAY
    AND again.ticket_no IS NULL
    AND copy.ticket_no IS NULL
),
whole AS (
  SELECT
    COUNT(*) FILTER (WHERE this_period) AS tickets,
    COUNT(*) FILTER (WHERE NOT this_period) AS tickets_before
  FROM recent
),
counted AS (
  SELECT
    topic_id,
    COUNT(*) FILTER (WHERE this_period) AS tickets,
    COUNT(DISTINCT CASE WHEN this_period THEN caller_hash END) AS callers,
    COUNT(*) FILTER (WHERE this_period AND (closed_at IS NULL OR closed_at >= :as_of + INTERVAL '1' DAY)) AS still_open,
    COUNT(*) FILTER (WHERE NOT this_period) AS tickets_before,
    MIN(CASE WHEN this_period THEN recorded_at END) AS first_at,
    MAX(CASE WHEN this_period THEN recorded_at END) AS last_at
  FROM recent
  WHERE topic_id IS NOT NULL
  GROUP BY topic_id
),
listed AS (
  SELECT
    counted.topic_id,
    counted.tickets,
    counted.callers,
    counted.still_open,
    counted.tickets_before,
    counted.first_at,
    counted.last_at,
    whole.tickets AS all_tickets,
    whole.tickets_before AS all_before,
    MAX(counted.tickets) OVER () AS most_tickets,
    MAX(counted.callers) OVER () AS most_callers,
    -- 占比升了几成：两个占比之比化成四个件数之比，只除一次
    100.0 * counted.tickets * whole.tickets_before / NULLIF(counted.tickets_before * whole.tickets, 0) - 100 AS rise
  FROM counted
  CROSS JOIN whole
  WHERE counted.callers >= :least_callers AND counted.tickets >= :least_tickets
)
SELECT
  listed.topic_id,                                                     -- 题号
  topic.title,                                                         -- 问题
  topic.place,                                                         -- 地点
  topic.keywords,                                                      -- 关键词
  CAST(ROUND(CAST(50.0 * LN(1 + listed.tickets) / NULLIF(LN(1 + listed.most_tickets), 0)
    + 50.0 * LN(1 + listed.callers) / NULLIF(LN(1 + listed.most_callers), 0) AS NUMERIC), 1) AS NUMERIC(5, 1)) AS heat,  -- 热度
  listed.tickets,                                                      -- 工单（件）
  listed.callers,                                                      -- 诉求人（人）
  listed.still_open,                                                   -- 未办结（件）
  listed.tickets_before,                                               -- 上期工单（件）
  CAST(ROUND(100.0 * listed.tickets / NULLIF(listed.all_tickets, 0), 2) AS NUMERIC(6, 2)) AS share_pct,  -- 占全部工单（%）
  CAST(ROUND(listed.rise, 1) AS NUMERIC(9, 1)) AS share_rise_pct,      -- 占比升降（%）
  CASE
    WHEN listed.tickets < :warn_tickets THEN NULL
    WHEN listed.tickets_before = 0 AND listed.all_before > 0 THEN '新出现'
    WHEN listed.rise >= :warn_rise_pct THEN '占比上升'
  END AS warning,                                                      -- 预警
  listed.first_at,                                                     -- 本期首次反映
  listed.last_at,                                                      -- 本期最近反映
  topic.representative_ticket_no                                       -- 代表工单
FROM listed
INNER JOIN hotline_topic AS topic ON topic.topic_id = listed.topic_id
