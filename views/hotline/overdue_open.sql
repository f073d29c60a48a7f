/* ---
title: 12345 热线超期未办结工单
question: 现在有哪些工单过了时限还没办完，归谁办，超了多久？
grain: 每行一张已过应办结日、至数据日仍未办结的工单（经批准挂账的、并入主单的、同一上级工单号的第二张起不列）
owner: 县热线办
definition:
  due_at: 工单写明的办理时限；没写的按规则 hotline.close 推算（加批准的延期和停钟），到那天 24 时止
  days_overdue: 数据日减应办结日（自然日）
  rule_id: 没写办理时限，或办理时限正好是转办那天有效的办结规则（含延期）算出来的，写规则编号；不是的，写“工单写明”
  legal_basis: 转办那天有效的办结规则的依据
  workdays_overdue: 应办结日之后到数据日的工作日数；工作日历没有覆盖时为空
refresh:
  of: hotline_ticket_fact
  by: {ticket_no: ticket_no}
  join: {hotline_ticket: ticket_no}
--- */
SELECT
  t.ticket_no,                                                         -- 工单编号
  -- A source that does not say is treated as if secrecy had been asked for.
  CASE WHEN COALESCE(t.secrecy, TRUE) THEN '（诉求人要求保密）' ELSE t.title END
    AS title,                                                          -- 标题
  t.demand_type,                                                       -- 诉求类型
  t.category_code,                                                     -- 问题分类编码
  category.name AS category,                                           -- 问题分类
  t.town_code,                                                         -- 乡镇编码
  town.name AS town,                                                   -- 乡镇
  COALESCE(dept.answering_code, t.main_dept_code) AS main_dept_code, -- 主办单位编码
  COALESCE(dept.answering_name, t.main_dept_code, '未指定') AS department,   -- 主办单位
  t.is_enterprise,                                                     -- 涉企
  t.recorded_at,                                                       -- 记录时间
  t.dispatched_at,                                                     -- 转办时间
  COALESCE(t.due_at, CAST(f.close_due_on AS TIMESTAMP) + INTERVAL '86399' SECOND) AS due_at, -- 办理时限
  CAST((EXTRACT(EPOCH FROM CAST(:as_of AS TIMESTAMP))
    - EXTRACT(EPOCH FROM CAST(f.close_due_on AS TIMESTAMP))) / 86400.0 AS INTEGER)
    AS days_overdue,                                                   -- 超期天数（自然日）
  today.workday_no - due.workday_no AS workdays_overdue,               -- 超期工作日数
  CASE WHEN t.due_at IS NULL OR ruled.day = CAST(t.due_at AS DATE) THEN l.rule_id ELSE '工单写明' END AS rule_id, -- 依据的规则
  l.legal_basis,                                                       -- 法律依据
  COALESCE(t.return_count, 0) AS return_count,                         -- 退单次数
  COALESCE(t.redo_count, 0) AS redo_count,                             -- 重办次数
  COALESCE(t.supervise_level, 0) AS supervise_level                    -- 督办级别
FROM hotline_ticket_fact AS f
JOIN hotline_ticket AS t ON t.ticket_no = f.ticket_no AND t.source_system IS NOT DISTINCT FROM f.source_system
LEFT JOIN department_period AS dept
  ON dept.dept_code = t.main_dept_code AND dept.from_on <= :as_of AND :as_of < dept.to_on
LEFT JOIN code_value AS category
  ON category.code_set = 'hotline_category' AND category.code = t.category_code
LEFT JOIN code_value AS town
  ON town.code_set = 'town' AND town.code = t.town_code
LEFT JOIN work_calendar AS due ON due.day = f.close_due_on
LEFT JOIN work_calendar AS today ON today.day = :as_of
LEFT JOIN hotline_time_limit AS l
  ON l.clock = '办结' AND l.from_on <= CAST(t.dispatched_at AS DATE) AND CAST(t.dispatched_at AS DATE) < l.to_on
LEFT JOIN work_calendar AS origin ON origin.day = CAST(t.dispatched_at AS DATE)
LEFT JOIN work_calendar AS ruled
  ON ruled.is_workday AND ruled.workday_no = origin.workday_no + l.workdays + COALESCE(t.extension_days, 0)
WHERE f.still_open AND NOT f.closed_in_time AND NOT f.merged
