/* ---
title: 12345 热线工单（Open311 格式）
question: 按 Open311 GeoReport v2 的字段名对外提供的工单是什么样？
grain: 每行一张可以公开的工单；要求保密的、没有交代是否保密的、并入主单的、重复登记的不提供
owner: 县热线办
definition:
  status: 办结、归档、不予受理、直接答复的为 closed，其余为 open
  expected_datetime: 办理时限；时间都带 +08:00
  description: 工单标题；诉求内容和诉求人的姓名、电话、账号一概不提供
refresh:
  of: hotline_ticket
  by: {service_request_id: ticket_no}
  join: {hotline_upstream_duplicate: ticket_no, hotline_told_twice: ticket_no}
--- */
SELECT
  t.ticket_no AS service_request_id,                                   -- 服务请求编号
  SUBSTRING(t.town_code, 1, 6) AS jurisdiction_id,                     -- 辖区
  t.category_code AS service_code,                                     -- 服务代码
  category.name AS service_name,                                       -- 服务名称
  COALESCE(dept.short_name, t.main_dept_code) AS agency_responsible,   -- 负责单位
  CASE
    WHEN t.closed_at < :as_of + INTERVAL '1' DAY OR t.status IN ('closed', 'archived', 'rejected', 'answered_directly') THEN 'closed'
    ELSE 'open'
  END AS status,                                                       -- 状态
  CASE WHEN t.closed_at < :as_of + INTERVAL '1' DAY THEN t.reply_public END AS status_notes, -- 办理说明
  REPLACE(CAST(DATE_TRUNC('second', t.recorded_at) AS VARCHAR(19)), ' ', 'T') || '+08:00' AS requested_datetime, -- 提出时间
  REPLACE(CAST(DATE_TRUNC('second', COALESCE(
    CASE WHEN t.closed_at < :as_of + INTERVAL '1' DAY THEN t.closed_at END,
    CASE WHEN t.replied_at < :as_of + INTERVAL '1' DAY THEN t.replied_at END,
    CASE WHEN t.dispatched_at < :as_of + INTERVAL '1' DAY THEN t.dispatched_at END,
    t.recorded_at
  )) AS VARCHAR(19)), ' ', 'T') || '+08:00' AS updated_datetime,       -- 更新时间
  REPLACE(CAST(DATE_TRUNC('second', t.due_at) AS VARCHAR(19)), ' ', 'T') || '+08:00' AS expected_datetime, -- 预计办结时间
  t.title AS description,                                              -- 内容
  town.name AS address_string,                                         -- 地址（到乡镇）
  t.town_code AS address_id                                            -- 地址代码
FROM hotline_ticket AS t
LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
LEFT JOIN hotline_told_twice AS copy ON copy.ticket_no = t.ticket_no AND copy.source_system IS NOT DISTINCT FROM t.source_system
LEFT JOIN code_value AS category
  ON category.code_set = 'hotline_category' AND category.code = t.category_code
LEFT JOIN code_value AS town
  ON town.code_set = 'town' AND town.code = t.town_code
LEFT JOIN department_period AS dept
  ON dept.dept_code = t.main_dept_code AND dept.from_on <= COALESCE(CAST(t.recorded_at AS DATE), :as_of) AND COALESCE(CAST(t.recorded_at AS DATE), :as_of) < dept.to_on
WHERE t.recorded_at < :as_of + INTERVAL '1' DAY
  AND NOT COALESCE(t.secrecy, TRUE)
  AND (t.root_ticket_no IS NULL OR t.root_ticket_no = t.ticket_no)
  AND again.ticket_no IS NULL
  AND copy.ticket_no IS NULL
