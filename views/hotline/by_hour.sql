/* ---
title: 12345 热线诉求量（按月份、钟点、分类）
question: 各类问题集中在一天的哪几个钟点？
grain: 每行一个记录月份的一个问题分类的一个钟点
owner: 县热线办
definition:
  tickets: 该月该钟点（0 至 23 时）记录的工单，并入主单的也算，同一上级工单号的第二张起不算
refresh:
  of: hotline_ticket
  by: {recorded_month: "CAST(DATE_TRUNC('month', recorded_at) AS DATE)", category_code: category_code}
  near: recorded_at
  join: {hotline_upstream_duplicate: ticket_no}
--- */
WITH placed AS (
  SELECT
    CAST(DATE_TRUNC('month', t.recorded_at) AS DATE) AS recorded_month,
    t.category_code,
    CAST(EXTRACT(HOUR FROM t.recorded_at) AS INTEGER) AS hour
  FROM hotline_ticket AS t
  LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
  WHERE t.recorded_at < :as_of + INTERVAL '1' DAY AND again.ticket_no IS NULL
)
SELECT
  placed.recorded_month,                                               -- 记录月份
  placed.category_code,                                                -- 问题分类编码
  category.name AS category,                                           -- 问题分类
  placed.hour,                                                         -- 钟点
  COUNT(*) AS tickets                                                  -- 工单（件）
FROM placed
LEFT JOIN code_value AS category
  ON category.code_set = 'hotline_category' AND category.code = placed.category_code
GROUP BY placed.recorded_month, placed.category_code, category.name, placed.hour
