/* ---
title: 一级指标总览
question: 各一级指标得分、与全市全省均值的差距如何，哪些二级指标拖了后腿，谁牵头？
grain: 每行一个评价体系、年度、周期、区域下的一项一级指标
owner: 县营商环境建设局
definition:
  level2_below_averages: 低于全市均值或低于全省均值的二级指标个数，与均值持平不算
--- */
WITH part AS (
  SELECT
    scheme_code,
    year,
    period,
    region_code,
    parent_code,
    COUNT(*) AS level2,
    COUNT(*) FILTER (WHERE below_city OR below_province) AS below_averages,
    COUNT(*) FILTER (WHERE below_70) AS below_70
  FROM indicator_comparison
  WHERE level = 2
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
  i.score,                                                             -- 得分
  i.city_avg,                                                          -- 全市均值
  i.province_avg,                                                      -- 全省均值
  i.city_gap,                                                          -- 与全市均值之差
  i.province_gap,                                                      -- 与全省均值之差
  i.above_both,                                                        -- 高于全市和全省均值
  i.below_70,                                                          -- 不足 70 分
  COALESCE(part.level2, 0) AS level2,                                  -- 二级指标数
  COALESCE(part.below_averages, 0) AS level2_below_averages,           -- 低于均值的二级指标数
  COALESCE(part.below_70, 0) AS level2_below_70                        -- 不足 70 分的二级指标数
FROM indicator_comparison AS i
LEFT JOIN part
  ON part.scheme_code = i.scheme_code
  AND part.year = i.year
  AND part.period = i.period
  AND part.region_code = i.region_code
  AND part.parent_code = i.indicator_code
WHERE i.level = 1
