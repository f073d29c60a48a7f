/* ---
title: 不足 70 分的指标
question: 哪些一级、二级指标不足 70 分，差多少，由哪个单位牵头？
grain: 每行一项不足 70 分的一级或二级指标
owner: 县营商环境建设局
definition:
  points_short: 70 分（按满分折算）减去得分；按未四舍五入的得分判断，69.97 分算不足，70.00 分不算
--- */
SELECT
  scheme_code,                                                         -- 评价体系
  year,                                                                -- 年度
  period,                                                              -- 周期
  region_code,                                                         -- 区划
  indicator_code,                                                      -- 指标编码
  indicator,                                                           -- 指标
  level,                                                               -- 级次
  parent,                                                              -- 上级指标
  score,                                                               -- 得分
  0.7 * full_score - score AS points_short,                            -- 距 70 分还差
  city_avg,                                                            -- 全市均值
  province_avg,                                                        -- 全省均值
  lead_dept_code,                                                      -- 牵头单位编码
  lead_department                                                      -- 牵头单位
FROM indicator_comparison
WHERE below_70
