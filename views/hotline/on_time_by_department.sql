/* ---
title: 12345 热线按期办结（按承办单位和应办结月份）
question: 各承办单位按期办结率多少，超期几件，还有几件没办完？
grain: 每行一个应办结月份的一个主办单位
owner: 县热线办
definition:
  tickets_due: 应办结日（工单没写办理时限的按规则 hotline.close 推算）在该月且已过（早于数据日）的工单，未办结的也算；并入主单的、同一上级工单号的第二张起、剔除考核的、挂账暂停计时的不算
  on_time: 其中办结时间不晚于办理时限的
  overdue: 其中晚于时限办结或至今未办结的
  still_open: 其中至数据日仍未办结的
  on_time_pct: 按期办结 ÷ 到期工单 × 100，按应办结月份统计（不是按受理或办结月份）
  excluded: 应办结日在该月且已过、经批准剔除考核的工单，不进分母
  suspended: 应办结日在该月且已过、经批准挂账而未办结的工单，不进分母
refresh:
  of: hotline_ticket_fact
  by: {due_month: due_month, main_dept_code: main_dept_code}
  sum: counted
--- */
WITH counted AS (
  SELECT
    due_month,
    main_dept_code,
    COUNT(*) FILTER (WHERE NOT excluded AND NOT suspended) AS tickets_due,
    COUNT(*) FILTER (WHERE NOT excluded AND NOT suspended AND closed_in_time) AS on_time,
    COUNT(*) FILTER (WHERE NOT excluded AND NOT suspended AND NOT closed_in_time) AS overdue,
    COUNT(*) FILTER (WHERE NOT excluded AND NOT suspended AND still_open) AS still_open,
    COUNT(*) FILTER (WHERE excluded) AS excluded,
    COUNT(*) FILTER (WHERE NOT excluded AND suspended) AS suspended
  FROM hotline_ticket_fact
  WHERE due_month IS NOT NULL AND NOT merged
  GROUP BY due_month, main_dept_code
)
SELECT
  counted.due_month,                                                   -- 应办结月份
  counted.main_dept_code,                                              -- 主办单位编码
  COALESCE(dept.short_name, counted.main_dept_code, '未指定') AS department, -- 主办单位
  counted.tickets_due,                                                 -- 到期工单（件）
  counted.on_time,                                                     -- 按期办结（件）
  counted.overdue,                                                     -- 超期（件）
  counted.still_open,                                                  -- 超期未办结（件）
  CAST(ROUND(100.0 * counted.on_time / NULLIF(counted.tickets_due, 0), 2) AS NUMERIC(5, 2)) AS on_time_pct, -- 按期办结率（%）
  counted.excluded,                                                    -- 剔除考核（件）
  counted.suspended                                                    -- 挂账（件）
FROM counted
LEFT JOIN department_period AS dept
  ON dept.dept_code = counted.main_dept_code
  AND dept.from_on < counted.due_month + INTERVAL '1' MONTH AND dept.to_on >= counted.due_month + INTERVAL '1' MONTH
