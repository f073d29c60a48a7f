/* ---
title: 整改总览（按类别）
question: 问题整改完成了多少，按期率多高，各亮几盏灯？
grain: 每行一个问题类别，另有一行合计
owner: 县营商环境建设局
definition:
  completion_pct: 已销号 ÷ 问题总数 × 100
  due: 整改时限早于数据日的问题，不论是否销号
  on_time: 其中在时限内销号或已申请销号的；申请被退回的不算
  on_time_pct: 按期 ÷ 到期 × 100
  days_overdue_avg: 未销号且超期的问题，超期天数的平均数
  reopened_pct: 反弹过的问题 ÷（已销号的＋反弹后未再销号的）× 100
--- */
WITH every AS (
  SELECT category, is_closed, is_due, is_on_time, days_overdue, light, reopened_count
  FROM rectification_ledger
  UNION ALL
  SELECT '合计' AS category, is_closed, is_due, is_on_time, days_overdue, light, reopened_count
  FROM rectification_ledger
)
SELECT
  category,                                                            -- 类别
  COUNT(*) AS problems,                                                -- 问题总数
  COUNT(*) FILTER (WHERE is_closed) AS closed,                         -- 已销号
  CAST(ROUND(100.0 * COUNT(*) FILTER (WHERE is_closed) / NULLIF(COUNT(*), 0), 2)
    AS NUMERIC(5, 2)) AS completion_pct,                               -- 完成率（%）
  COUNT(*) FILTER (WHERE is_due) AS due,                               -- 已到期
  COUNT(*) FILTER (WHERE is_due AND is_on_time) AS on_time,            -- 到期中按期
  CAST(ROUND(
    100.0 * COUNT(*) FILTER (WHERE is_due AND is_on_time)
    / NULLIF(COUNT(*) FILTER (WHERE is_due), 0), 2
  ) AS NUMERIC(5, 2)) AS on_time_pct,                                  -- 按期率（%）
  COUNT(*) FILTER (WHERE light = 'red') AS red,                          -- 红灯
  COUNT(*) FILTER (WHERE light = 'yellow') AS yellow,                       -- 黄灯
  COUNT(*) FILTER (WHERE light = 'green') AS green,                        -- 绿灯
  COUNT(*) FILTER (WHERE light = 'blue') AS blue,                         -- 蓝灯（长期坚持）
  COUNT(*) FILTER (WHERE light = 'grey') AS grey,                         -- 灰灯（已销号）
  CAST(ROUND(AVG(days_overdue) FILTER (WHERE NOT is_closed AND days_overdue > 0), 1)
    AS NUMERIC(9, 1)) AS days_overdue_avg,                             -- 平均超期（天）
  CAST(ROUND(
    100.0 * COUNT(*) FILTER (WHERE reopened_count > 0)
    / NULLIF(COUNT(*) FILTER (WHERE is_closed OR reopened_count > 0), 0), 2
  ) AS NUMERIC(5, 2)) AS reopened_pct                                  -- 反弹率（%）
FROM every
GROUP BY category
