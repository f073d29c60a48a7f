/* ---
title: 12345 热线考核得分（模拟，逐项）
question: 按现在填的考核项目，各单位每一项能得几分，少的分丢在哪？
grain: 每行一个方案、一个转办月份、一个主办单位的一个考核项目
owner: 县热线办
definition:
  actual_pct: 该项目指标在五限时、三率视图里的率；没有分母时为空，不得分也不扣分
  points: 分段：满分 −（目标 − 实际）× k，不高于满分、不低于保底；加权：权重 × 实际 ÷ 100。按未四舍五入的率算，最后取两位
  lost: 满分 − 得分
  kind: 都是模拟，不是公布的考核结果
--- */
WITH metric AS (
  SELECT dispatched_month, main_dept_code, department, 'sign_pct' AS metric, sign_pct AS actual FROM hotline_timeliness_by_department
  UNION ALL
  SELECT dispatched_month, main_dept_code, department, 'contact_pct' AS metric, contact_pct AS actual FROM hotline_timeliness_by_department
  UNION ALL
  SELECT dispatched_month, main_dept_code, department, 'reply_pct' AS metric, reply_pct AS actual FROM hotline_timeliness_by_department
  UNION ALL
  SELECT dispatched_month, main_dept_code, department, 'close_pct' AS metric, close_pct AS actual FROM hotline_timeliness_by_department
  UNION ALL
  SELECT dispatched_month, main_dept_code, department, 'response_pct' AS metric, response_pct AS actual FROM hotline_three_rates_by_department
  UNION ALL
  SELECT dispatched_month, main_dept_code, department, 'solved_pct' AS metric, solved_pct AS actual FROM hotline_three_rates_by_department
  UNION ALL
  SELECT dispatched_month, main_dept_code, department, 'satisfaction_pct' AS metric, satisfaction_pct AS actual FROM hotline_three_rates_by_department
),
scored AS (
  SELECT
    i.scheme,
    i.item,
    i.title,
    i.metric,
    i.formula,
    i.full_score,
    i.basis,
    m.dispatched_month,
    m.main_dept_code,
    m.department,
    m.actual,
    CASE
      WHEN m.actual IS NULL THEN NULL
      WHEN i.formula = 'weighted' THEN i.weight * m.actual / 100.0
      WHEN m.actual >= i.target THEN i.full_score
      WHEN i.full_score - i.k * (i.target - m.actual) < i.floor_score THEN i.floor_score
      ELSE i.full_score - i.k * (i.target - m.actual)
    END AS points
  FROM assessment_item AS i
  JOIN metric AS m ON m.metric = i.metric
  WHERE (i.effective_from IS NULL OR m.dispatched_month >= i.effective_from)
    AND (i.effective_to IS NULL OR m.dispatched_month < i.effective_to)
)
SELECT
  scheme,                                                              -- 方案
  dispatched_month,                                                    -- 转办月份
  main_dept_code,                                                      -- 主办单位编码
  department,                                                          -- 主办单位
  item,                                                                -- 项目代码
  title,                                                               -- 项目
  metric,                                                              -- 用的指标
  formula,                                                             -- 算法
  actual AS actual_pct,                                                -- 实际（%）
  CAST(full_score AS NUMERIC(7, 2)) AS full_score,                     -- 满分
  CAST(ROUND(CAST(points AS NUMERIC(18, 6)), 2) AS NUMERIC(7, 2)) AS points, -- 得分（模拟）
  CAST(ROUND(CAST(full_score - points AS NUMERIC(18, 6)), 2) AS NUMERIC(7, 2)) AS lost, -- 丢分（模拟）
  '模拟' AS kind,                                                       -- 性质
  basis                                                                -- 依据
FROM scored
