/* ---
title: 部门成绩单
question: 各单位报数及时、质量、热线、整改、指标材料各做得怎么样？
grain: 每行一个在任何一方面有记录的单位
owner: 县营商环境建设局
definition:
  sources_silent: 曾经报过数、近 30 天一批也没有到、也没有应答的来源数；按通衢收到的那一天（演示县是演示的那一天）算，内容没变而跳过的也算到过
  sources_expected: 数据契约写明多久报一次的来源
  sources_on_time: 其中最近一批在约定的间隔（加约定的在途时间，不足一天按一天）之内收到的；由通衢去取的来源（数据库、接口、交换表）答复了没有新数据的也算；由部门送文件的，同一份文件再送来一次也算，没有送的不算
  on_time_pct: 按时的来源 ÷ 应报的来源 × 100
  passed_pct: 近 30 天通过的行 ÷ 取到的行 × 100，含修整后通过的
  open_rows: 隔离区里还没有改好的行（一行有几个问题算一行）
  oldest_open_days: 其中最早的一行退回了几天（自然日）
  objections: 别的单位对它的数据提出的异议，至数据日
  objections_overdue: 其中过了答复期限还没答复的
  hotline_on_time_pct: 近 12 个月到期工单的按期办结率，口径见 hotline_on_time_by_department
  rectification_on_time_pct: 已到期问题的按期率，口径见 rectification_by_department
  lowest_score: 最近一个评价年度牵头的一级、二级指标中的最低分
  materials_open: 还没交或被要求补正的佐证材料
--- */
WITH answered AS (
  SELECT connector, MAX(answered_on) AS last_on
  FROM source_answer
  WHERE answered_on <= :as_of
  GROUP BY connector
),
sent AS (
  SELECT
    b.provider_dept_code AS dept_code,
    b.connector,
    MAX(b.received_on) AS last_on,
    MAX(CASE WHEN b.status = 'committed' THEN b.committed_at END) AS last_at,
    MAX(p.within_days) AS within_days,
    MAX(CASE WHEN b.kind IN ('cursor', 'full', 'exchange') THEN 1 ELSE 0 END) AS is_asked,
    COUNT(*) FILTER (WHERE b.received_on >= :as_of - INTERVAL '29' DAY) AS heard,
    COUNT(*) FILTER (WHERE b.status = 'committed' AND b.received_on >= :as_of - INTERVAL '29' DAY) AS batches,
    SUM(CASE WHEN b.status = 'committed' AND b.received_on >= :as_of - INTERVAL '29' DAY THEN b.extracted ELSE 0 END) AS extracted,
    SUM(CASE WHEN b.status = 'committed' AND b.received_on >= :as_of - INTERVAL '29' DAY THEN b.passed ELSE 0 END) AS passed
  FROM batch AS b
  LEFT JOIN delivery_promise AS p ON p.dataset = b.dataset
  WHERE b.status IN ('committed', 'skipped') AND COALESCE(b.kind, '') <> 'correction' AND b.received_on <= :as_of
  GROUP BY b.provider_dept_code, b.connector
),
-- A source the hub asks itself has delivered when it answered that nothing is new; a folder nobody put a file into has not.
source AS (
  SELECT
    sent.dept_code,
    CASE WHEN sent.is_asked = 1 AND answered.last_on > sent.last_on THEN answered.last_on ELSE sent.last_on END AS last_on,
    sent.last_at,
    sent.within_days,
    sent.heard + CASE WHEN sent.is_asked = 1 AND answered.last_on >= :as_of - INTERVAL '29' DAY THEN 1 ELSE 0 END AS heard,
    sent.batches,
    sent.extracted,
    sent.passed
  FROM sent
  LEFT JOIN answered ON answered.connector = sent.connector
),
delivered AS (
  SELECT
    dept_code,
    COUNT(*) AS sources,
    COUNT(*) FILTER (WHERE heard = 0) AS silent,
    COUNT(within_days) AS expected,
    COUNT(*) FILTER (WHERE last_on + within_days * INTERVAL '1' DAY >= :as_of) AS on_time,
    MAX(last_at) AS last_at,
    SUM(batches) AS batches,
    SUM(extracted) AS extracted,
    SUM(passed) AS passed
  FROM source
  GROUP BY dept_code
),
refused AS (
  SELECT
    q.provider_dept_code AS dept_code,
    COUNT(DISTINCT q.quarantine_id) AS open_rows,
    MIN(COALESCE(b.received_on, CAST(q.first_seen_at AS DATE))) AS oldest_on
  FROM quarantine AS q
  LEFT JOIN batch AS b ON b.batch_id = q.batch_id
  WHERE q.resolved_at IS NULL
  GROUP BY q.provider_dept_code
),
objected AS (
  SELECT
    provider_dept_code AS dept_code,
    COUNT(*) AS objections,
    COUNT(*) FILTER (WHERE result IS NULL AND due_on < :as_of) AS overdue
  FROM data_objection
  WHERE opened_on <= :as_of
  GROUP BY provider_dept_code
),
hotline AS (
  SELECT
    main_dept_code AS dept_code,
    SUM(tickets_due) AS due,
    SUM(on_time) AS on_time
  FROM hotline_on_time_by_department
  WHERE due_month > :as_of - INTERVAL '12' MONTH
  GROUP BY main_dept_code
),
newest AS (
  SELECT MAX(year) AS year
  FROM indicator_lead_department
),
led AS (
  SELECT
    i.lead_dept_code AS dept_code,
    MIN(i.lowest_score) AS lowest_score,
    SUM(i.level1_below_70 + i.level2_below_70) AS below_70
  FROM indicator_lead_department AS i
  JOIN newest ON newest.year = i.year
  GROUP BY i.lead_dept_code
),
material AS (
  SELECT
    provider_dept_code AS dept_code,
    COUNT(*) FILTER (WHERE is_open) AS materials_open
  FROM indicator_evidence_list
  GROUP BY provider_dept_code
),
named AS (
  SELECT dept_code FROM delivered
  UNION ALL SELECT dept_code FROM refused
  UNION ALL SELECT dept_code FROM objected
  UNION ALL SELECT dept_code FROM hotline
  UNION ALL SELECT lead_dept_code AS dept_code FROM rectification_by_department
  UNION ALL SELECT dept_code FROM led
  UNION ALL SELECT dept_code FROM material
),
everybody AS (
  SELECT dept_code
  FROM named
  WHERE dept_code IS NOT NULL
  GROUP BY dept_code
)
SELECT
  everybody.dept_code,                                                 -- 单位编码
  COALESCE(dept.short_name, everybody.dept_code) AS department,        -- 单位
  COALESCE(delivered.sources, 0) AS sources,                           -- 报数来源
  COALESCE(delivered.silent, 0) AS sources_silent,                     -- 近 30 天没到的来源
  COALESCE(delivered.expected, 0) AS sources_expected,                 -- 应报的来源
  COALESCE(delivered.on_time, 0) AS sources_on_time,                   -- 按时的来源
  CAST(ROUND(100.0 * delivered.on_time / NULLIF(delivered.expected, 0), 2) AS NUMERIC(5, 2)) AS on_time_pct, -- 报数按时率（%）
  COALESCE(delivered.batches, 0) AS batches,                           -- 近 30 天批次
  delivered.last_at AS last_delivery_at,                               -- 最近一批
  CAST(ROUND(100.0 * delivered.passed / NULLIF(delivered.extracted, 0), 2) AS NUMERIC(5, 2))
    AS passed_pct,                                                     -- 近 30 天通过率（%）
  COALESCE(refused.open_rows, 0) AS open_rows,                         -- 待改问题行
  CAST((EXTRACT(EPOCH FROM CAST(:as_of AS TIMESTAMP)) - EXTRACT(EPOCH FROM CAST(refused.oldest_on AS TIMESTAMP))) / 86400.0 AS INTEGER)
    AS oldest_open_days,                                               -- 最早的问题行（天）
  COALESCE(objected.objections, 0) AS objections,                      -- 数据异议（件）
  COALESCE(objected.overdue, 0) AS objections_overdue,                 -- 异议逾期未答复（件）
  COALESCE(hotline.due, 0) AS hotline_due,                             -- 到期工单（件）
  CAST(ROUND(100.0 * hotline.on_time / NULLIF(hotline.due, 0), 2) AS NUMERIC(5, 2))
    AS hotline_on_time_pct,                                            -- 工单按期办结率（%）
  COALESCE(r.problems, 0) AS problems,                                 -- 整改问题
  COALESCE(r.closed, 0) AS problems_closed,                            -- 已销号
  COALESCE(r.red, 0) AS problems_red,                                  -- 红灯
  r.on_time_pct AS rectification_on_time_pct,                          -- 整改按期率（%）
  led.lowest_score,                                                    -- 牵头指标最低分
  COALESCE(led.below_70, 0) AS indicators_below_70,                    -- 不足 70 分的指标
  COALESCE(material.materials_open, 0) AS materials_open               -- 待补佐证材料
FROM everybody
LEFT JOIN department AS dept ON dept.dept_code = everybody.dept_code
LEFT JOIN delivered ON delivered.dept_code = everybody.dept_code
LEFT JOIN refused ON refused.dept_code = everybody.dept_code
LEFT JOIN objected ON objected.dept_code = everybody.dept_code
LEFT JOIN hotline ON hotline.dept_code = everybody.dept_code
LEFT JOIN rectification_by_department AS r ON r.lead_dept_code = everybody.dept_code
LEFT JOIN led ON led.dept_code = everybody.dept_code
LEFT JOIN material ON material.dept_code = everybody.dept_code
