/* ---
title: 12345 热线涉企工单与市场主体
question: 涉企工单说的是哪家企业，企业登记状态如何，办得怎么样？
grain: 每行一张涉企工单（标了涉企，或对上了市场主体）
owner: 县热线办
definition:
  enterprise_id: 按代码和名称对上的主体；空值表示来源没有登记可以对的代码或名称
  is_overdue: 至数据日已过时限而未办结，或晚于时限办结
refresh:
  of: hotline_ticket
  by: {ticket_no: ticket_no}
  join: {hotline_upstream_duplicate: ticket_no, hotline_told_twice: ticket_no, enterprise: enterprise_id}
--- */
SELECT
  t.ticket_no,                                                         -- 工单编号
  CASE WHEN COALESCE(t.secrecy, TRUE) THEN '（诉求人要求保密）' ELSE t.title END
    AS title,                                                          -- 标题
  t.demand_type,                                                       -- 诉求类型
  t.category_code,                                                     -- 问题分类编码
  category.name AS category,                                           -- 问题分类
  t.enterprise_id,                                                     -- 主体ID
  COALESCE(e.name, t.enterprise_name) AS enterprise,                   -- 企业名称
  e.uscc,                                                              -- 统一社会信用代码
  e.status AS enterprise_status,                                       -- 登记状态
  e.industry_code,                                                     -- 行业代码
  e.town_code,                                                         -- 企业所在乡镇编码
  t.main_dept_code,                                                    -- 主办单位编码
  COALESCE(dept.short_name, t.main_dept_code, '未指定') AS department,   -- 主办单位
  t.recorded_at,                                                       -- 记录时间
  t.due_at,                                                            -- 办理时限
  t.closed_at,                                                         -- 办结时间
  t.status,                                                            -- 工单状态
  COALESCE(
    CASE WHEN t.closed_at < :as_of + INTERVAL '1' DAY THEN t.closed_at > t.due_at ELSE t.due_at < :as_of END, FALSE
  ) AS is_overdue                                                      -- 是否超期
FROM hotline_ticket AS t
LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
LEFT JOIN hotline_told_twice AS copy ON copy.ticket_no = t.ticket_no AND copy.source_system IS NOT DISTINCT FROM t.source_system
LEFT JOIN enterprise AS e ON e.enterprise_id = t.enterprise_id
LEFT JOIN code_value AS category
  ON category.code_set = 'hotline_category' AND category.code = t.category_code
LEFT JOIN department_period AS dept
  ON dept.dept_code = t.main_dept_code AND dept.from_on <= COALESCE(CAST(t.recorded_at AS DATE), :as_of) AND COALESCE(CAST(t.recorded_at AS DATE), :as_of) < dept.to_on
WHERE t.recorded_at < :as_of + INTERVAL '1' DAY
  AND (COALESCE(t.is_enterprise, FALSE) OR t.enterprise_id IS NOT NULL)
  AND again.ticket_no IS NULL
  AND copy.ticket_no IS NULL
