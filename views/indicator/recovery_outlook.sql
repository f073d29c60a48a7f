/* ---
title: 一级指标补齐后的预计得分
question: 把能提的分都提上来，各一级指标能到多少分，能否过 70 分？
grain: 每行一个评价体系、年度、周期、区域下的一项一级指标
owner: 县营商环境建设局
definition:
  recoverable_points: 所属二级指标可提分之和
  score_after: 得分加可提分（模拟，不是公布得分）
--- */
WITH part AS (
  SELECT
    scheme_code,
    year,
    period,
    region_code,
    parent_code,
    SUM(potential_points) AS potential_points,
    SUM(recoverable_points) AS recoverable_points
  FROM indicator_recoverable_points
  GROUP BY scheme_code, year, period, region_code, parent_code
)
SELECT
  i.scheme_code,                                                       -- 评价体系
  i.year,                                                              -- 年度
  i.period,                                                            -- 周期
  i.region_code,                                                       -- 区划
  i.indicator_code,                                                    -- 指标编码
  i.indicator,                                                         -- 一级指标
  i.lead_dept_code,                                                    -- 牵头单位编码
  i.lead_department,                                                   -- 牵头单位
  i.score,                                                             -- 公布得分
  part.recoverable_points,                                             -- 可提分
  part.potential_points - part.recoverable_points AS structural_points, -- 结构性差距
  i.score + part.recoverable_points AS score_after,                    -- 预计得分（模拟）
  i.below_70,                                                          -- 现不足 70 分
  100 * (i.score + part.recoverable_points) < 70 * i.full_score
    AS below_70_after                                                  -- 补齐后仍不足 70 分
FROM indicator_comparison AS i
JOIN part
  ON part.scheme_code = i.scheme_code
  AND part.year = i.year
  AND part.period = i.period
  AND part.region_code = i.region_code
  AND part.parent_code = i.indicator_code
WHERE i.level = 1
