/* ---
title: 12345 热线考核总分（模拟）
question: 按现在填的考核项目，各单位总分多少，有几项没有数？
grain: 每行一个方案、一个转办月份的一个主办单位
owner: 县热线办
definition:
  points: 有数的项目得分之和
  coverage_pct: 有数项目的满分 ÷ 全部项目的满分 × 100；不足 100 时总分不能与别的单位比
  kind: 都是模拟，不是公布的考核结果
--- */
SELECT
  scheme,                                                              -- 方案
  dispatched_month,                                                    -- 转办月份
  main_dept_code,                                                      -- 主办单位编码
  department,                                                          -- 主办单位
  SUM(points) AS points,                                               -- 总分（模拟）
  SUM(full_score) AS full_score,                                       -- 满分
  CAST(ROUND(100.0 * SUM(CASE WHEN points IS NOT NULL THEN full_score ELSE 0 END) / NULLIF(SUM(full_score), 0), 2)
    AS NUMERIC(5, 2)) AS coverage_pct,                                 -- 有数的满分占比（%）
  COUNT(*) - COUNT(points) AS missing,                                 -- 没有数的项目（个）
  '模拟' AS kind                                                        -- 性质
FROM hotline_assessment
GROUP BY scheme, dispatched_month, main_dept_code, department
