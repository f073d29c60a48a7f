/* ---
title: 整改序时进度
question: 按措施的时间表现在该做到多少，做到了多少，差在哪个节点？
grain: 每行一个整改问题
owner: 县营商环境建设局
definition:
  due_precision: 原始时限文字写到多细，同整改台账；没有读出精度的按文字和有没有日期判断，为日、月、季、半年、年、立行立改、长期坚持或未定
  planned_pct: 计划完成日不晚于数据日的措施的权重 ÷ 全部措施权重 × 100
  done_pct: 已完成措施的权重 ÷ 全部措施权重 × 100
  measured_variance_pct: 已完成的百分比减应完成的百分比，负数为落后；没有措施的为空
  reported_pct: 单位最近一次报的进展，门户里报的要审核通过；没有进展记录的用台账上的进度
  elapsed_pct: 发现日（反弹重开的为反弹日）至数据日的天数 ÷ 发现日至整改时限的天数 × 100，不超过 100；没有时限的为空
  variance_pct: 进度（%）减去已用时间（%），同整改台账
  yearly_missing: 长期坚持的问题，数据日所在年度没有一条措施的计划完成日
--- */
WITH share AS (
  SELECT
    problem_no,
    measure_id,
    seq,
    content,
    person,
    planned_end,
    done_on,
    weight_pct,
    ROW_NUMBER() OVER (
      PARTITION BY problem_no, CASE WHEN done_on IS NULL THEN 1 ELSE 0 END
      ORDER BY planned_end NULLS LAST, seq, measure_id, person NULLS LAST, content NULLS LAST -- two sources may list one measure
    ) AS place
  FROM rectification_task_book
),
summed AS (
  SELECT
    problem_no,
    COUNT(*) AS measures,
    SUM(CASE WHEN planned_end <= :as_of THEN weight_pct ELSE 0 END) AS planned,
    SUM(CASE WHEN done_on IS NOT NULL THEN weight_pct ELSE 0 END) AS done,
    SUM(weight_pct) AS whole,
    COUNT(*) FILTER (WHERE done_on IS NULL AND planned_end < :as_of) AS late_measures,
    COUNT(*) FILTER (WHERE EXTRACT(YEAR FROM planned_end) = EXTRACT(YEAR FROM :as_of)) AS this_year
  FROM share
  GROUP BY problem_no
),
progress AS (
  SELECT problem_no, progress_id, reported_on, pct
  FROM rectification_progress
  WHERE reported_on <= :as_of AND pct IS NOT NULL
  UNION ALL
  SELECT problem_no, CAST(report_id AS VARCHAR(40)) AS progress_id, reported_on, progress_pct AS pct
  FROM rectification_report
  WHERE accepted AND answered_on <= :as_of
),
reported AS (
  SELECT
    problem_no,
    reported_on,
    pct,
    ROW_NUMBER() OVER (PARTITION BY problem_no ORDER BY reported_on DESC, progress_id DESC, pct DESC) AS from_last
  FROM progress
)
SELECT
  l.problem_no,                                                        -- 问题编号
  l.title,                                                             -- 问题
  l.lead_dept_code,                                                    -- 牵头单位编码
  l.lead_department,                                                   -- 牵头单位
  l.found_on,                                                          -- 发现日期
  l.due_on,                                                            -- 整改时限
  l.due_text,                                                          -- 原始时限文字
  CASE
    WHEN l.due_precision IS NOT NULL THEN l.due_precision
    WHEN l.is_long_term THEN '长期坚持'
    WHEN l.due_text LIKE '%立_立改%' OR l.due_text LIKE '%立即整改%' OR l.due_text LIKE '%即_即改%' OR l.due_text LIKE '%边查边改%' THEN '立行立改'
    WHEN l.due_text LIKE '%季%' THEN '季'
    WHEN l.due_text LIKE '%半年%' THEN '半年'
    WHEN l.due_text LIKE '%年底%' OR l.due_text LIKE '%年末%' OR l.due_text LIKE '%年内%' THEN '年'
    WHEN l.due_text LIKE '%月底%' OR l.due_text LIKE '%月末%' OR (l.due_text LIKE '%月%' AND l.due_text NOT LIKE '%日%' AND l.due_text NOT LIKE '%号%') THEN '月'
    WHEN l.due_on IS NOT NULL THEN '日'
    ELSE '未定'
  END AS due_precision,                                                -- 时限精度
  COALESCE(s.measures, 0) AS measures,                                 -- 措施数
  COALESCE(s.late_measures, 0) AS late_measures,                       -- 逾期措施数
  CAST(ROUND(100.0 * s.planned / NULLIF(s.whole, 0), 1) AS NUMERIC(5, 1)) AS planned_pct, -- 应完成（%）
  CAST(ROUND(100.0 * s.done / NULLIF(s.whole, 0), 1) AS NUMERIC(5, 1)) AS done_pct, -- 已完成（%）
  CAST(ROUND(100.0 * (s.done - s.planned) / NULLIF(s.whole, 0), 1) AS NUMERIC(6, 1)) AS measured_variance_pct, -- 节点偏差（百分点）
  COALESCE(r.pct, l.progress_pct) AS reported_pct,                     -- 填报进度（%）
  r.reported_on,                                                       -- 最近填报日
  -- The lesser of 100 and nothing would be 100.
  CASE
    WHEN l.due_on > COALESCE(l.reopened_on, l.found_on)
      THEN CAST(ROUND(LEAST(100.0, 100.0 * (EXTRACT(EPOCH FROM CAST(:as_of AS TIMESTAMP)) - EXTRACT(EPOCH FROM CAST(COALESCE(l.reopened_on, l.found_on) AS TIMESTAMP)))
        / NULLIF(EXTRACT(EPOCH FROM CAST(l.due_on AS TIMESTAMP)) - EXTRACT(EPOCH FROM CAST(COALESCE(l.reopened_on, l.found_on) AS TIMESTAMP)), 0)), 1)
        AS NUMERIC(9, 1))
  END AS elapsed_pct,                                                   -- 已用时间（%）
  l.variance_pct,                                                      -- 序时偏差（百分点）
  n.content AS next_measure,                                           -- 下一节点
  n.person AS next_person,                                             -- 下一节点责任人
  n.planned_end AS next_planned_end,                                   -- 下一节点计划完成
  l.is_long_term AND COALESCE(s.this_year, 0) = 0 AS yearly_missing,   -- 缺年度节点
  l.light                                                              -- 亮灯
FROM rectification_ledger AS l
LEFT JOIN summed AS s ON s.problem_no = l.problem_no
LEFT JOIN share AS n ON n.problem_no = l.problem_no AND n.done_on IS NULL AND n.place = 1
LEFT JOIN reported AS r ON r.problem_no = l.problem_no AND r.from_last = 1
