/* ---
title: 可提分项
question: 哪些二级指标补齐材料或数据就能把分提上来，能提多少，找谁？
grain: 每行一项二级指标
owner: 县营商环境建设局
definition:
  target: 全市均值、全省均值与 70 分（按满分折算）三者中的最高者
  potential_points: 权重占比 ×（目标分 − 得分），折成所属一级指标的分；权重占比在同一上级、已有得分的二级指标之间计算；得分已达目标的为 0
  cause: 材料清单写明的失分原因；没有写明的，材料缺项算缺项，退回补正算佐证不足；两者都没有的算结构性
  recoverable_points: 失分原因是缺项、数据未报、数据错误或佐证不足的可提分；结构性差距计 0
--- */
WITH evidence AS (
  SELECT
    e.scheme_code,
    e.year,
    CASE WHEN d.level = 3 THEN d.parent_code ELSE d.indicator_code END AS indicator_code,
    CASE COALESCE(e.gap_cause, CASE e.status WHEN '缺项' THEN '缺项' WHEN '补正' THEN '佐证不足' END)
      WHEN '缺项' THEN 1
      WHEN '数据未报' THEN 2
      WHEN '数据错误' THEN 3
      WHEN '佐证不足' THEN 4
    END AS cause_no
  FROM indicator_evidence AS e
  JOIN indicator_definition AS d
    ON d.scheme_code = e.scheme_code AND d.indicator_code = e.indicator_code
),
gap AS (
  SELECT
    scheme_code,
    year,
    indicator_code,
    MIN(cause_no) AS cause_no,
    COUNT(cause_no) AS materials
  FROM evidence
  GROUP BY scheme_code, year, indicator_code
),
leaf AS (
  SELECT
    i.scheme_code,
    i.year,
    i.period,
    i.region_code,
    i.parent_code,
    i.parent,
    i.indicator_code,
    i.indicator,
    i.lead_dept_code,
    i.lead_department,
    i.weight,
    i.score,
    i.full_score,
    up.full_score AS parent_full_score,
    GREATEST(i.city_avg, i.province_avg, 0.7 * i.full_score) AS target,
    SUM(i.weight) OVER (PARTITION BY i.scheme_code, i.year, i.period, i.region_code, i.parent_code)
      AS total_weight,
    gap.cause_no,
    COALESCE(gap.materials, 0) AS materials
  FROM indicator_comparison AS i
  JOIN indicator_comparison AS up
    ON up.scheme_code = i.scheme_code
    AND up.year = i.year
    AND up.period = i.period
    AND up.region_code = i.region_code
    AND up.indicator_code = i.parent_code
  LEFT JOIN gap
    ON gap.scheme_code = i.scheme_code
    AND gap.year = i.year
    AND gap.indicator_code = i.indicator_code
  WHERE i.level = 2 AND i.score IS NOT NULL
),
scored AS (
  SELECT
    scheme_code,
    year,
    period,
    region_code,
    parent_code,
    parent,
    indicator_code,
    indicator,
    lead_dept_code,
    lead_department,
    weight,
    score,
    target,
    cause_no,
    materials,
    CAST(ROUND(
      weight * GREATEST(target - score, 0) * parent_full_score / NULLIF(total_weight * full_score, 0), 4
    ) AS NUMERIC(9, 4)) AS potential_points
  FROM leaf
)
SELECT
  scheme_code,                                                         -- 评价体系
  year,                                                                -- 年度
  period,                                                              -- 周期
  region_code,                                                         -- 区划
  parent_code,                                                         -- 一级指标编码
  parent,                                                              -- 一级指标
  indicator_code,                                                      -- 二级指标编码
  indicator,                                                           -- 二级指标
  weight,                                                              -- 权重
  score,                                                               -- 得分
  target,                                                              -- 目标分
  potential_points,                                                    -- 与目标的差距（折一级指标分）
  CASE
    WHEN score >= target THEN '无差距'
    WHEN cause_no = 1 THEN '缺项'
    WHEN cause_no = 2 THEN '数据未报'
    WHEN cause_no = 3 THEN '数据错误'
    WHEN cause_no = 4 THEN '佐证不足'
    ELSE '结构性'
  END AS cause,                                                        -- 失分原因
  CASE WHEN cause_no IS NOT NULL THEN potential_points ELSE 0 END
    AS recoverable_points,                                             -- 可提分
  materials,                                                           -- 待补材料（份）
  lead_dept_code,                                                      -- 牵头单位编码
  lead_department                                                      -- 牵头单位
FROM scored
