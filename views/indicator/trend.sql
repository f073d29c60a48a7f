/* ---
title: 指标历年走势
question: 每项一级、二级指标比上一年升了还是降了，与全市、全省均值的差距缩小了吗，位次变了吗？
grain: 每行一个评价体系、周期、区域下一项一级或二级指标的一个年度（只含正式公布的得分）
owner: 县营商环境建设局
definition:
  previous_year: 同一评价体系里该指标有得分的前一个年度；不同体系的分不相比
  change: 得分减上一年度得分
  city_gap_change: 与全市均值之差减上一年度的差；正数是差距在缩小或领先在扩大
  moved: 升、降、平；没有上一年度的为首次
--- */
WITH told AS (
  SELECT
    i.scheme_code,
    i.year,
    i.period,
    i.region_code,
    i.indicator_code,
    i.indicator,
    i.level,
    i.lead_department,
    i.score,
    i.city_gap,
    i.province_gap,
    s.rank_province,
    s.rank_city,
    LAG(i.year) OVER (PARTITION BY i.scheme_code, i.period, i.region_code, i.indicator_code ORDER BY i.year)
      AS previous_year,
    LAG(i.score) OVER (PARTITION BY i.scheme_code, i.period, i.region_code, i.indicator_code ORDER BY i.year)
      AS previous_score,
    LAG(i.city_gap) OVER (PARTITION BY i.scheme_code, i.period, i.region_code, i.indicator_code ORDER BY i.year)
      AS previous_city_gap,
    LAG(s.rank_province) OVER (PARTITION BY i.scheme_code, i.period, i.region_code, i.indicator_code ORDER BY i.year)
      AS previous_rank
  FROM indicator_comparison AS i
  JOIN indicator_score AS s
    ON s.scheme_code = i.scheme_code
    AND s.year = i.year
    AND s.period = i.period
    AND s.region_code = i.region_code
    AND s.indicator_code = i.indicator_code
    AND s.source = 'published'
  WHERE i.score IS NOT NULL
)
SELECT
  scheme_code,                                                         -- 评价体系
  year,                                                                -- 年度
  period,                                                              -- 周期
  region_code,                                                         -- 区划
  indicator_code,                                                      -- 指标编码
  indicator,                                                           -- 指标
  level,                                                               -- 级次
  lead_department,                                                     -- 牵头单位
  score,                                                               -- 得分
  city_gap,                                                            -- 与全市均值之差
  province_gap,                                                        -- 与全省均值之差
  rank_province,                                                       -- 全省位次
  rank_city,                                                           -- 全市位次
  previous_year,                                                       -- 上一年度
  previous_score,                                                      -- 上一年度得分
  score - previous_score AS change,                                    -- 升降
  city_gap - previous_city_gap AS city_gap_change,                     -- 与全市均值差距的变化
  previous_rank - rank_province AS rank_gain,                          -- 全省位次前进
  CASE
    WHEN previous_year IS NULL THEN '首次'
    WHEN score > previous_score THEN '升'
    WHEN score < previous_score THEN '降'
    ELSE '平'
  END AS moved                                                         -- 走势
FROM told
