/* ---
title: 整改进度（按牵头单位）
question: 各牵头单位有几个问题，完成几个，超期几个，最长超期几天？
grain: 每行一个牵头单位
owner: 县营商环境建设局
definition:
  completion_pct: 已销号 ÷ 问题总数 × 100
  due: 整改时限早于数据日的问题，不论是否销号
  on_time: 其中在时限内销号或已申请销号的；申请被退回的不算
  on_time_pct: 按期 ÷ 到期 × 100
--- */
SELECT
  lead_dept_code,                                                      -- 牵头单位编码
  COALESCE(MAX(dept.short_name), MAX(lead_department)) AS lead_department, -- 牵头单位
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
  COALESCE(MAX(days_overdue) FILTER (WHERE NOT is_closed), 0)
    AS days_overdue_max                                                -- 最长超期（天）
FROM rectification_ledger
LEFT JOIN department_period AS dept
  ON dept.dept_code = lead_dept_code AND dept.from_on <= :as_of AND :as_of < dept.to_on
GROUP BY lead_dept_code
