/* ---
title: 按本县办件测算的指标（模拟）
question: 用本县自己的办件算，几项时间指标是多少、能得多少分；超时的那些件要是按时办了，又能到多少分？
grain: 每行一个评价体系的一项二级指标在一个年度的测算
owner: 县营商环境建设局
definition:
  median_days: 当年办结各件用时（工作日）的中位数，口径见 indicator_case_days
  simulated_score: 按本县记录测算，不是公布得分，两者不混算；前沿距离：满分 ×（最差值 − 中位数）÷（最差值 − 最优值），截在 0 与满分之间；指标没有最优、最差值的为空
  median_if_on_time: 超过时限的件改按时限计，其余不变，再取中位数
  published_score: 同一体系、同一指标的公布得分，取不晚于测算年度的最近一年；一年有几期的取最高
--- */
WITH link AS (
  SELECT 'start_business' AS metric, '开办企业' AS parent, '开办时间' AS name
  UNION ALL SELECT 'property' AS metric, '登记财产' AS parent, '登记时间' AS name
  UNION ALL SELECT 'water' AS metric, '获得用水' AS parent, '报装时间' AS name
  UNION ALL SELECT 'power' AS metric, '获得电力' AS parent, '接电时间' AS name
  UNION ALL SELECT 'gas' AS metric, '获得用气' AS parent, '报装时间' AS name
  UNION ALL SELECT 'credit' AS metric, '获得信贷' AS parent, '贷款审批时间' AS name
),
measured AS (
  SELECT
    metric,
    year,
    COUNT(*) AS cases,
    COUNT(*) FILTER (WHERE late) AS late,
    CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY working_days) AS NUMERIC(9, 2)) AS median_days,
    CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CASE WHEN late THEN limit_days ELSE working_days END) AS NUMERIC(9, 2))
      AS median_if_on_time
  FROM indicator_case_days
  GROUP BY metric, year
),
-- One score a year: a scheme with several periods or regions shows its highest.
given AS (
  SELECT
    scheme_code,
    indicator_code,
    year,
    MAX(raw_value) AS raw_value,
    MAX(score) AS score
  FROM indicator_score
  WHERE source = 'published'
  GROUP BY scheme_code, indicator_code, year
),
published AS (
  SELECT
    s.scheme_code,
    s.indicator_code,
    m.metric,
    m.year,
    MAX(s.year) AS published_year
  FROM given AS s
  JOIN measured AS m ON m.year >= s.year
  GROUP BY s.scheme_code, s.indicator_code, m.metric, m.year
),
scored AS (
  SELECT
    d.scheme_code,
    m.year,
    d.indicator_code,
    d.name AS indicator,
    up.name AS parent,
    COALESCE(d.lead_dept_code, up.lead_dept_code) AS lead_dept_code,
    m.metric,
    m.cases,
    m.late,
    m.median_days,
    m.median_if_on_time,
    COALESCE(d.full_score, 100) * (d.worst - m.median_days) / NULLIF(d.worst - d.best, 0) AS score,
    COALESCE(d.full_score, 100) * (d.worst - m.median_if_on_time) / NULLIF(d.worst - d.best, 0) AS score_if_on_time,
    COALESCE(d.full_score, 100) AS full_score,
    p.published_year
  FROM measured AS m
  JOIN link ON link.metric = m.metric
  JOIN indicator_definition AS d ON d.name = link.name
  JOIN indicator_definition AS up
    ON up.scheme_code = d.scheme_code AND up.indicator_code = d.parent_code AND up.name = link.parent
  LEFT JOIN published AS p
    ON p.scheme_code = d.scheme_code AND p.indicator_code = d.indicator_code AND p.metric = m.metric AND p.year = m.year
)
SELECT
  scored.scheme_code,                                                  -- 评价体系
  scored.year,                                                         -- 年度
  scored.indicator_code,                                               -- 指标编码
  scored.parent,                                                       -- 一级指标
  scored.indicator,                                                    -- 二级指标
  COALESCE(dept.answering_code, scored.lead_dept_code) AS lead_dept_code, -- 牵头单位编码
  COALESCE(dept.answering_name, scored.lead_dept_code) AS lead_department, -- 牵头单位
  scored.metric,                                                       -- 测算口径
  scored.cases,                                                        -- 办件数
  scored.late,                                                         -- 其中超时
  scored.median_days,                                                  -- 用时中位数（工作日）
  CASE
    WHEN scored.score IS NOT NULL
      THEN CAST(ROUND(LEAST(GREATEST(scored.score, 0), scored.full_score), 2) AS NUMERIC(7, 2))
  END AS simulated_score,                                              -- 测算得分（模拟）
  scored.median_if_on_time,                                            -- 都按时办的中位数（工作日）
  CASE
    WHEN scored.score_if_on_time IS NOT NULL
      THEN CAST(ROUND(LEAST(GREATEST(scored.score_if_on_time, 0), scored.full_score), 2) AS NUMERIC(7, 2))
  END AS simulated_if_on_time,                                         -- 都按时办的测算得分（模拟）
  scored.published_year,                                               -- 公布年度
  given.raw_value AS published_raw,                                    -- 公布原始值
  given.score AS published_score                                       -- 公布得分
FROM scored
LEFT JOIN given
  ON given.scheme_code = scored.scheme_code
  AND given.indicator_code = scored.indicator_code
  AND given.year = scored.published_year
LEFT JOIN department_period AS dept
  ON dept.dept_code = scored.lead_dept_code AND dept.from_on <= :as_of AND :as_of < dept.to_on
