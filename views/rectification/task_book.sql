/* ---
title: 整改任务书（逐条措施）
question: 各单位每条整改措施谁做、何时做完、做完没有、晚了几天？
grain: 每行一条措施；没有列措施的问题不在内
owner: 县营商环境建设局
definition:
  dept_code: 措施的责任单位，没写的为问题的牵头单位
  weight_pct: 该条权重 ÷ 该问题全部措施权重之和 × 100；一条也没写权重的平均分
  measure_state: 已完成＝完成日不晚于计划完成日（没有计划日的也算）；迟完成；已逾期＝过了计划完成日还没完成；临期＝计划完成日在临期天数之内；未开始＝没到计划开始日；其余为进行中
  days_late: 完成日（未完成的按数据日）晚于计划完成日的天数，不晚为 0
parameters:
  near_days: {value: 7, title: 临期：到计划完成日前天数, source: 县整改办默认值}
--- */
WITH measure AS (
  SELECT
    m.measure_id,
    m.problem_no,
    m.seq,
    m.content,
    m.dept_code,
    m.person,
    m.planned_start,
    m.planned_end,
    CASE WHEN m.done_on <= :as_of THEN m.done_on END AS done_on,
    m.weight,
    SUM(m.weight) OVER (PARTITION BY m.problem_no) AS all_weight,
    COUNT(*) OVER (PARTITION BY m.problem_no) AS measures
  FROM rectification_measure AS m
),
dated AS (
  SELECT
    measure_id,
    problem_no,
    seq,
    content,
    dept_code,
    person,
    planned_start,
    planned_end,
    done_on,
    CASE
      WHEN all_weight > 0 THEN 100.0 * COALESCE(weight, 0) / NULLIF(all_weight, 0)
      ELSE 100.0 / NULLIF(measures, 0)
    END AS share,
    CAST((EXTRACT(EPOCH FROM CAST(COALESCE(done_on, :as_of) AS TIMESTAMP))
      - EXTRACT(EPOCH FROM CAST(planned_end AS TIMESTAMP))) / 86400.0 AS INTEGER) AS days_past
  FROM measure
)
SELECT
  COALESCE(dept.answering_code, d.dept_code, l.lead_dept_code) AS dept_code, -- 责任单位编码
  COALESCE(dept.answering_name, d.dept_code, l.lead_department) AS department, -- 责任单位
  d.problem_no,                                                        -- 问题编号
  l.title,                                                             -- 问题
  p.goal,                                                              -- 整改目标
  l.lead_department,                                                   -- 牵头单位
  l.responsible_leader,                                                -- 责任领导
  l.reviewer,                                                          -- 复核人
  l.due_on,                                                            -- 问题整改时限
  l.due_text,                                                          -- 原始时限文字
  d.measure_id,                                                        -- 措施编号
  d.seq,                                                               -- 序号
  d.content,                                                           -- 措施
  COALESCE(d.person, l.responsible_person) AS person,                  -- 责任人
  d.planned_start,                                                     -- 计划开始
  d.planned_end,                                                       -- 计划完成
  d.done_on,                                                           -- 完成日期
  CAST(ROUND(d.share, 2) AS NUMERIC(5, 2)) AS weight_pct,              -- 权重（%）
  CASE
    WHEN d.done_on IS NOT NULL AND COALESCE(d.days_past, 0) <= 0 THEN '已完成'
    WHEN d.done_on IS NOT NULL THEN '迟完成'
    WHEN d.days_past > 0 THEN '已逾期'
    WHEN d.days_past >= -(:near_days) THEN '临期'
    WHEN d.planned_start > :as_of THEN '未开始'
    ELSE '进行中'
  END AS measure_state,                                                -- 状态
  GREATEST(COALESCE(d.days_past, 0), 0) AS days_late                   -- 晚了几天
FROM dated AS d
JOIN rectification_ledger AS l ON l.problem_no = d.problem_no
JOIN rectification_problem AS p ON p.problem_no = d.problem_no
LEFT JOIN department_period AS dept
  ON dept.dept_code = d.dept_code AND dept.from_on <= COALESCE(d.done_on, :as_of) AND COALESCE(d.done_on, :as_of) < dept.to_on
