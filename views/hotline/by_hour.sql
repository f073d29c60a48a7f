/* ---
title: 12345 热线诉求量（按月份、钟点、分类）
question: 各类问题集中在一天的哪几个钟点？
grain: 每行一个记录月份的一个问题分类的一个钟点
owner: 县热线办
definition:
  tickets: 该月该钟点（0 至 23 时）记录的工单，并入主单的也算，同一上级工单号的第二张起不算
refresh:
  of: hotline_ticket_fact
  by: {recorded_month: recorded_month, category_code: category_code, hour: recorded_hour}
  sum: counted
--- */
WITH counted AS (
  SELECT
    recorded_month,
    category_code,
    recorded_hour AS hour,
    COUNT(*) AS tickets
  FROM hotline_ticket_fact
  WHERE recorded_month IS NOT NULL
  GROUP BY recorded_month, category_code, recorded_hour
)
SELECT
  counted.recorded_month,                                              -- 记录月份
  counted.category_code,                                               -- 问题分类编码
  category.name AS category,                                           -- 问题分类
  counted.hour,                                                        -- 钟点
  counted.tickets                                                      -- 工单（件）
FROM counted
LEFT JOIN code_value AS category
  ON category.code_set = 'hotline_category' AND category.code = counted.category_code
