/* ---
title: 牵头单位指标成绩单
question: 各牵头单位的指标最低多少分，几项不足 70 分，几项低于均值，排第几？
grain: 每行一个评价体系、年度、周期、区域下的一个牵头单位
owner: 县营商环境建设局
definition:
  lowest_score: 该单位牵头的一级、二级指标中的最低得分
  below_averages: 低于全市均值或低于全省均值的一级、二级指标项数
  rank: 按最低得分从高到低，并列同名次，其后跳过（1、2、2、4）
--- */
WITH led AS (
  SELECT
    scheme_code,
    year,
    period,
    region_code,
    lead_dept_code,
    lead_department,
    COUNT(*) FILTER (WHERE level = 1) AS level1,
    COUNT(*) FILTER (WHERE level = 2) AS level2,
    MIN(score) AS lowest_score,
    COUNT(*) FILTER (WHERE below_70 AND level = 1) AS level1_below_70,
    COUNT(*) FILTER (WHERE below_70 AND level = 2) AS level2_below_70,
    COUNT(*) FILTER (WHERE below_city OR below_province) AS below_averages
  FROM indicator_comparison
  WHERE lead_dept_code IS NOT NULL
  GROUP BY scheme_code, year, period, region_code, lead_dept_code, lead_department
)
SELECT
  scheme_code,                                                         -- 评价体系
  year,                                                                -- 年度
  period,                                                              -- 周期
  region_code,                                                         -- 区划
  lead_dept_code,                                                      -- 牵头单位编码
  lead_department,                                                     -- 牵头单位
  level1,                                                              -- 牵头一级指标数
  level2,                                                              -- 牵头二级指标数
  lowest_score,                                                        -- 最低得分
  level1_below_70,                                                     -- 不足 70 分的一级指标数
  level2_below_70,                                                     -- 不足 70 分的二级指标数
  below_averages,                                                      -- 低于均值的指标数
  CASE
    WHEN lowest_score IS NOT NULL
      THEN RANK() OVER (
        PARTITION BY scheme_code, year, period, region_code
        ORDER BY lowest_score DESC NULLS LAST
      )
  END AS rank                                                          -- 名次
FROM led
