/* ---
title: 指标得分与全市、全省均值对照
question: 每项一级、二级指标得分多少，比全市、全省均值高还是低，是否不足 70 分？
grain: 每行一个评价体系、年度、周期、区域下的一项一级或二级指标（只含正式公布的得分）
owner: 县营商环境建设局
--- */
WITH average AS (
  SELECT
    scheme_code,
    indicator_code,
    year,
    MAX(CASE WHEN kind = 'city_avg' THEN value END) AS city_avg,
    MAX(CASE WHEN kind = 'province_avg' THEN value END) AS province_avg
  FROM indicator_benchmark
  GROUP BY scheme_code, indicator_code, year
)
SELECT
  s.scheme_code,                                                       -- 评价体系
  s.year,                                                              -- 年度
  s.period,                                                            -- 周期
  s.region_code,                                                       -- 区划
  s.indicator_code,                                                    -- 指标编码
  d.name AS indicator,                                                 -- 指标
  d.level,                                                             -- 级次
  d.parent_code,                                                       -- 上级指标编码
  up.name AS parent,                                                   -- 上级指标
  d.weight,                                                            -- 权重
  COALESCE(d.full_score, 100) AS full_score,                           -- 满分
  COALESCE(dept.answering_code, d.lead_dept_code, up.lead_dept_code) AS lead_dept_code, -- 牵头单位编码
  COALESCE(dept.answering_name, d.lead_dept_code, up.lead_dept_code)
    AS lead_department,                                                -- 牵头单位
  s.score,                                                             -- 得分
  average.city_avg,                                                    -- 全市均值
  average.province_avg,                                                -- 全省均值
  s.score - average.city_avg AS city_gap,                              -- 与全市均值之差
  s.score - average.province_avg AS province_gap,                      -- 与全省均值之差
  s.score > average.city_avg AND s.score > average.province_avg
    AS above_both,                                                     -- 高于全市和全省均值
  s.score < average.city_avg AS below_city,                            -- 低于全市均值
  s.score < average.province_avg AS below_province,                    -- 低于全省均值
  -- On the unrounded score, and on the scheme's own full marks.
  100 * s.score < 70 * COALESCE(d.full_score, 100) AS below_70         -- 不足 70 分
FROM indicator_score AS s
JOIN indicator_definition AS d
  ON d.scheme_code = s.scheme_code AND d.indicator_code = s.indicator_code
LEFT JOIN indicator_definition AS up
  ON up.scheme_code = d.scheme_code AND up.indicator_code = d.parent_code
LEFT JOIN department_period AS dept
  ON dept.dept_code = COALESCE(d.lead_dept_code, up.lead_dept_code) AND dept.from_on <= :as_of AND :as_of < dept.to_on
LEFT JOIN average
  ON average.scheme_code = s.scheme_code
  AND average.indicator_code = s.indicator_code
  AND average.year = s.year
WHERE s.source = 'published' AND d.level <= 2
