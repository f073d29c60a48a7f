/* ---
title: 12345 热线按期办结（按承办单位和应办结月份）
question: 各承办单位按期办结率多少，超期几件，还有几件没办完？
grain: 每行一个应办结月份的一个主办单位
owner: 县热线办
definition:
  tickets_due: 应办结日在该月且已过（早于数据日）的工单，未办结的也算；并入主单的、同一上级工单号的第二张起、剔除考核的、挂账暂停计时的不算
  on_time: 其中办结时间不晚于办理时限的
  overdue: 其中晚于时限办结或至今未办结的
  still_open: 其中至数据日仍未办结的
  on_time_pct: 按期办结 ÷ 到期工单 × 100，按应办结月份统计（不是按受理或办结月份）
  excluded: 应办结日在该月且已过、经批准剔除考核的工单，不进分母
  suspended: 应办结日在该月且已过、经批准挂账而未办结的工单，不进分母
refresh:
  of: hotline_ticket
  by: {due_month: "CAST(DATE_TRUNC('month', due_at) AS DATE)", main_dept_code: main_dept_code}
  near: due_at
  join: {hotline_upstream_duplicate: ticket_no}
--- */
WITH ticket AS (
  SELECT
    t.main_dept_code,
    CAST(DATE_TRUNC('month', t.due_at) AS DATE) AS due_month,
    COALESCE(t.exclude_from_assessment, FALSE) AS excluded,
    COALESCE(t.is_suspended, FALSE) AND NOT COALESCE(t.closed_at < :as_of + INTERVAL '1' DAY, FALSE) AS suspended,
    COALESCE(t.closed_at <= t.due_at, FALSE) AS on_time,
    COALESCE(t.closed_at < :as_of + INTERVAL '1' DAY, FALSE) AS closed
  FROM hotline_ticket AS t
  LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
  WHERE t.due_at < :as_of
    AND (t.root_ticket_no IS NULL OR t.root_ticket_no = t.ticket_no)
    AND again.ticket_no IS NULL
),
due AS (
  SELECT
    main_dept_code,
    due_month,
    excluded,
    suspended AND NOT excluded AS suspended,
    NOT excluded AND NOT suspended AS assessed,
    on_time,
    closed
  FROM ticket
)
SELECT
  due.due_month,                                                       -- 应办结月份
  due.main_dept_code,                                                  -- 主办单位编码
  COALESCE(dept.short_name, due.main_dept_code, '未指定') AS department, -- 主办单位
  COUNT(*) FILTER (WHERE assessed) AS tickets_due,                 -- 到期工单（件）
  COUNT(*) FILTER (WHERE assessed AND on_time) AS on_time,         -- 按期办结（件）
  COUNT(*) FILTER (WHERE assessed AND NOT on_time) AS overdue,     -- 超期（件）
  COUNT(*) FILTER (WHERE assessed AND NOT closed) AS still_open,   -- 超期未办结（件）
  CAST(ROUND(
    100.0 * COUNT(*) FILTER (WHERE assessed AND on_time)
    / NULLIF(COUNT(*) FILTER (WHERE assessed), 0), 2
  ) AS NUMERIC(5, 2)) AS on_time_pct,                                  -- 按期办结率（%）
  COUNT(*) FILTER (WHERE excluded) AS excluded,                        -- 剔除考核（件）
  COUNT(*) FILTER (WHERE suspended) AS suspended                       -- 挂账（件）
FROM due
LEFT JOIN department AS dept ON dept.dept_code = due.main_dept_code
GROUP BY due.due_month, due.main_dept_code, dept.short_name
