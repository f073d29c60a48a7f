/* ---
title: 12345 热线诉求走势和热度（按月份、分类、乡镇）
question: 哪个乡镇的哪类问题比上月占得多了，要不要预警，当月哪里最热？
grain: 每行一个记录月份的一个问题分类与乡镇的组合
owner: 县热线办
definition:
  share_pct: 该组工单 ÷ 当月全部工单 × 100；月份没过完也可以与上月比
  share_before_pct: 上一个自然月该组工单 ÷ 上月全部工单 × 100；上月没有的为空
  share_rise_pct: （本月占比 − 上月占比）÷ 上月占比 × 100
  heat: 该组工单 ÷ 当月工单最多的一组 × 100
  warning: 件数不少于预警最少件数，且占比升幅不低于预警升幅，为占比上升；上月有工单而该组没有，为新出现；其余为空
parameters:
  least_tickets: {value: 5, title: 预警最少件数, source: 县热线办默认值，可按当年考核办法修改}
  rise: {value: 50, title: 预警：占比升幅不低于（%）, source: 县热线办默认值，可按当年考核办法修改}
--- */
WITH month AS (
  SELECT
    recorded_month,
    CAST(DATE_TRUNC('month', CAST(recorded_month AS TIMESTAMP) - INTERVAL '1' DAY) AS DATE) AS month_before,
    SUM(tickets) AS tickets,
    MAX(tickets) AS most
  FROM hotline_by_month
  GROUP BY recorded_month
),
compared AS (
  SELECT
    n.recorded_month,
    n.category_code,
    n.town_code,
    n.tickets,
    n.callers,
    n.still_open,
    month.most,
    month.tickets AS all_tickets,
    b.tickets AS tickets_before,
    before.tickets AS all_before
  FROM hotline_by_month AS n
  JOIN month ON month.recorded_month = n.recorded_month
  LEFT JOIN month AS before ON before.recorded_month = month.month_before
  LEFT JOIN hotline_by_month AS b
    ON b.recorded_month = month.month_before
    AND b.category_code IS NOT DISTINCT FROM n.category_code AND b.town_code IS NOT DISTINCT FROM n.town_code
)
SELECT
  c.recorded_month,                                                    -- 记录月份
  c.category_code,                                                     -- 问题分类编码
  category.name AS category,                                           -- 问题分类
  c.town_code,                                                         -- 乡镇编码
  town.name AS town,                                                   -- 乡镇
  c.tickets,                                                           -- 工单（件）
  c.callers,                                                           -- 诉求人（人）
  c.still_open,                                                        -- 未办结（件）
  c.tickets_before,                                                    -- 上月工单（件）
  CAST(ROUND(100.0 * c.tickets / NULLIF(c.all_tickets, 0), 2) AS NUMERIC(5, 2)) AS share_pct, -- 占当月（%）
  CAST(ROUND(100.0 * c.tickets_before / NULLIF(c.all_before, 0), 2) AS NUMERIC(5, 2)) AS share_before_pct, -- 占上月（%）
  -- Of counts, divided once: at an exact half both engines round the same way, and a rise of exactly the limit warns.
  CAST(ROUND(
    100.0 * (c.tickets * c.all_before - c.tickets_before * c.all_tickets) / NULLIF(c.tickets_before * c.all_tickets, 0), 1
  ) AS NUMERIC(12, 1)) AS share_rise_pct,                              -- 占比升降（%）
  CAST(ROUND(100.0 * c.tickets / NULLIF(c.most, 0), 1) AS NUMERIC(5, 1)) AS heat, -- 热度
  CASE
    WHEN c.tickets < :least_tickets THEN NULL
    WHEN 100 * c.tickets * c.all_before >= (100 + :rise) * c.tickets_before * c.all_tickets THEN '占比上升'
    WHEN c.tickets_before IS NULL AND c.all_before > 0 THEN '新出现'
  END AS warning                                                       -- 预警
FROM compared AS c
LEFT JOIN code_value AS category
  ON category.code_set = 'hotline_category' AND category.code = c.category_code
LEFT JOIN code_value AS town
  ON town.code_set = 'town' AND town.code = c.town_code
