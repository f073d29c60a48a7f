/* ---
title: 佐证材料清单
question: 哪些佐证材料还没交、被退回或迟报，找谁要，补上值多少分？
grain: 每行一个指标的一份材料
owner: 县营商环境建设局
definition:
  is_open: 未报，或被要求补正
  days_late: 未交的按数据日、已交的按报送日超过应报日的天数，未超过为 0，没有应报日的为空
  recoverable_points: 所属二级指标的可提分（见 indicator_recoverable_points）；几份材料同属一项时各列各的，不可相加
--- */
SELECT
  e.scheme_code,                                                       -- 评价体系
  e.year,                                                              -- 年度
  e.indicator_code,                                                    -- 指标编码
  d.name AS indicator,                                                 -- 指标
  up.name AS parent,                                                   -- 上级指标
  e.material_name,                                                     -- 材料
  COALESCE(dept.answering_code, e.provider_dept) AS provider_dept_code, -- 提供单位编码
  COALESCE(dept.answering_name, e.provider_dept) AS provider,              -- 提供单位
  e.status,                                                            -- 状态
  e.gap_cause AS cause,                                                -- 失分原因
  e.reason,                                                            -- 说明
  e.due_on,                                                            -- 应报日期
  e.submitted_on,                                                      -- 报送日期
  COALESCE(e.status IN ('缺项', '补正'), e.submitted_on IS NULL) AS is_open, -- 待补
  CASE
    WHEN e.due_on IS NOT NULL
      THEN CAST(GREATEST(
        (EXTRACT(EPOCH FROM CAST(COALESCE(e.submitted_on, :as_of) AS TIMESTAMP))
          - EXTRACT(EPOCH FROM CAST(e.due_on AS TIMESTAMP))) / 86400.0, 0
      ) AS INTEGER)
  END AS days_late,                                                    -- 迟报天数
  r.recoverable_points                                                 -- 所属指标可提分
FROM indicator_evidence AS e
JOIN indicator_definition AS d
  ON d.scheme_code = e.scheme_code AND d.indicator_code = e.indicator_code
LEFT JOIN indicator_definition AS up
  ON up.scheme_code = d.scheme_code AND up.indicator_code = d.parent_code
LEFT JOIN indicator_recoverable_points AS r
  ON r.scheme_code = e.scheme_code
  AND r.year = e.year
  AND r.indicator_code = CASE WHEN d.level = 3 THEN d.parent_code ELSE d.indicator_code END
LEFT JOIN department_period AS dept
  ON dept.dept_code = e.provider_dept AND dept.from_on <= COALESCE(e.submitted_on, :as_of) AND COALESCE(e.submitted_on, :as_of) < dept.to_on
