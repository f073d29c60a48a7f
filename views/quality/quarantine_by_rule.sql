/* ---
title: 隔离区问题（按连接器、字段和规则）
question: 哪个单位的哪个字段最常出错，错在哪条规则，改好了多少？
grain: 每行一个连接器、字段、规则的组合
owner: 县营商环境建设局
definition:
  quarantined: 曾经进过隔离区的行数；一行违反几条规则，就在几行里各算一次
  unresolved: 其中仍在隔离区、等待单位更正的
  resolved_pct: 已更正或撤回 ÷ 曾经隔离 × 100
--- */
SELECT
  q.connector,                                                         -- 连接器
  q.dataset,                                                           -- 数据集
  q.provider_dept_code,                                                -- 提供部门编码
  COALESCE(dept.short_name, q.provider_dept_code) AS department,       -- 提供部门
  q.field,                                                             -- 字段
  q.title AS field_title,                                              -- 字段名称
  q.rule,                                                              -- 规则
  COUNT(DISTINCT q.quarantine_id) AS quarantined,                      -- 曾经隔离（行）
  COUNT(DISTINCT CASE WHEN q.resolved_at IS NULL THEN q.quarantine_id END)
    AS unresolved,                                                     -- 待更正（行）
  CAST(ROUND(
    100.0 * COUNT(DISTINCT CASE WHEN q.resolved_at IS NOT NULL THEN q.quarantine_id END)
    / NULLIF(COUNT(DISTINCT q.quarantine_id), 0), 2
  ) AS NUMERIC(5, 2)) AS resolved_pct,                                 -- 更正率（%）
  MIN(q.first_seen_at) AS first_seen_at,                               -- 最早发现
  MAX(q.first_seen_at) AS last_seen_at                                 -- 最近发现
FROM quarantine AS q
LEFT JOIN department AS dept ON dept.dept_code = q.provider_dept_code
GROUP BY q.connector, q.dataset, q.provider_dept_code, dept.short_name, q.field, q.title, q.rule
