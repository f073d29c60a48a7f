/* ---
title: 整改台账
question: 每个问题办到哪一步，到期没有，亮什么灯？
grain: 每行一个整改问题
owner: 县营商环境建设局
definition:
  status: 台账上的；门户里审核通过的销号申请算已销号，审核通过的进展改写进度，直到台账自己改了状态、进度或反弹次数，此后以台账为准；门户里报了还没审核的销号申请算销号待审；门户里同意的反弹重开算反弹重办，直到门户里再次销号，或台账自己记上这次反弹（反弹次数加了，或改成别的状态），台账只是补记了反弹以前的销号不算
  due_on: 门户里反弹重开的按重新定的时限；经批准延期的按延期后的日期，否则按原定整改时限；周期性的延期只管延期日之前的那几次，过后照周期走；周期性的（每季度末、每年12月底前）为数据日（已停止计时的为停止计时日）起的下一次，上一次已过而再上一次之后没有报过进展、也没有完成过措施的为上一次，补报后看下一次；时限写“立行立改”一类的按确认那天有效的规则（事项“立行立改”，rectification.at_once），从确认（未记确认时间的从发现）起算；长期坚持类可为空
  stopped_on: 停止计时日：已申请销号（未被退回，等审核的时间不算牵头单位的）的为申请日，被退回的从头接着算，已销号而没有申请日的为销号日，其余为空；门户里销号的，申请日是报出那天，销号日是审核通过那天
  is_due: 整改时限早于数据日
  is_on_time: 停止计时日不晚于整改时限；尚未停止计时的为否，没有时限的为空
  days_overdue: 停止计时日（未停止的按数据日）超过整改时限的天数，未超过为 0
  due_precision: 时限原文写到多细：日、旬、月、季、半年、年、周、节前、工作日、期限、周期、立行立改、长期坚持
  due_recurrence: 周期性的时限多久一次，如 year:12-E（每年十二月底）、quarter（每季末）、month:25（每月 25 日）、month:w1（每月第一个工作日）、month:wE（每月最后一个工作日）
  progress_pct: 单位填报的整改进度，0 至 100
  variance_pct: 进度（%）减去已用时间占全部时间的比例（%），时间从发现日（反弹重开的从反弹日）起，只算正在整改的、时限不是周期性的；负数为落后
  light: grey 灰＝已销号；blue 蓝＝长期坚持；red 红＝超期，或有措施节点过期超过 15 天；yellow 黄＝7 天内到期，或进度落后时间超过 20 个百分点；其余 green 绿
parameters:
  near_days: {value: 7, title: 黄灯：到期前天数, source: 县整改办默认值}
  lag_points: {value: 20, title: 黄灯：进度落后时间的百分点, source: 县整改办默认值}
  milestone_days: {value: 15, title: 红灯：措施节点过期天数, source: 县整改办默认值}
--- */
WITH at_once AS (
  SELECT
    rule_id,
    days,
    legal_basis,
    effective_to,
    COALESCE(effective_from, CAST('1900-01-01' AS DATE)) AS from_on,
    LEAD(COALESCE(effective_from, CAST('1900-01-01' AS DATE))) OVER (
      ORDER BY COALESCE(effective_from, CAST('1900-01-01' AS DATE)), rule_id
    ) AS next_on
  FROM deadline_rule
  WHERE domain = 'rectification' AND item = '立行立改' AND clock_unit = 'day'
),
-- The names under which each day from the first finding to the coming year comes round.
coming AS (
  SELECT
    day,
    EXTRACT(MONTH FROM day) AS month_no,
    EXTRACT(DAY FROM day) AS day_no,
    MOD(CAST(EXTRACT(EPOCH FROM CAST(day AS TIMESTAMP)) / 86400.0 AS INTEGER) + 3, 7) + 1 AS week_day,
    EXTRACT(DAY FROM day + INTERVAL '1' DAY) = 1 AS is_month_end
  FROM work_calendar
  CROSS JOIN (SELECT MIN(found_on) AS first_on FROM rectification_problem WHERE due_precision = '周期') AS opened
  WHERE day >= first_on AND day < :as_of + INTERVAL '367' DAY
),
working AS (
  SELECT MIN(day) AS first_on, MAX(day) AS last_on
  FROM work_calendar
  WHERE is_workday
  GROUP BY EXTRACT(YEAR FROM day), EXTRACT(MONTH FROM day)
),
named AS (
  SELECT day, 'year:' || CAST(month_no AS INTEGER) || '-' || CAST(day_no AS INTEGER) AS name FROM coming
  UNION ALL
  SELECT day, 'month:' || CAST(day_no AS INTEGER) AS name FROM coming
  UNION ALL
  SELECT day, 'week:' || week_day AS name FROM coming
  UNION ALL
  SELECT day, 'day' AS name FROM coming
  UNION ALL
  SELECT day, 'month:E' AS name FROM coming WHERE is_month_end
  UNION ALL
  SELECT day, 'year:' || CAST(month_no AS INTEGER) || '-E' AS name FROM coming WHERE is_month_end
  UNION ALL
  SELECT day, 'quarter' AS name FROM coming WHERE is_month_end AND month_no IN (3, 6, 9, 12)
  UNION ALL
  SELECT day, CASE month_no WHEN 3 THEN 'year:q1' WHEN 6 THEN 'year:q2' WHEN 9 THEN 'year:q3' ELSE 'year:q4' END AS name FROM coming WHERE is_month_end AND month_no IN (3, 6, 9, 12)
  UNION ALL
  SELECT day, 'half' AS name FROM coming WHERE is_month_end AND month_no IN (6, 12)
  UNION ALL
  SELECT day, CASE month_no WHEN 6 THEN 'year:h上' ELSE 'year:h下' END AS name FROM coming WHERE is_month_end AND month_no IN (6, 12)
  UNION ALL
  SELECT c.day, 'month:w1' AS name FROM coming AS c JOIN working ON working.first_on = c.day
  UNION ALL
  SELECT c.day, 'year:' || CAST(c.month_no AS INTEGER) || '-w1' AS name FROM coming AS c JOIN working ON working.first_on = c.day
  UNION ALL
  SELECT c.day, 'month:wE' AS name FROM coming AS c JOIN working ON working.last_on = c.day
  UNION ALL
  SELECT c.day, 'year:' || CAST(c.month_no AS INTEGER) || '-wE' AS name FROM coming AS c JOIN working ON working.last_on = c.day
),
turn AS (
  SELECT
    wording.due_recurrence,
    named.day,
    LAG(named.day) OVER (PARTITION BY wording.due_recurrence ORDER BY named.day) AS before_on
  FROM (SELECT DISTINCT due_recurrence FROM rectification_problem WHERE due_precision = '周期') AS wording
  JOIN named ON ' ' || wording.due_recurrence || ' ' LIKE '% ' || named.name || ' %'
  GROUP BY wording.due_recurrence, named.day
),
milestone AS (
  SELECT
    problem_no,
    COUNT(*) AS measures,
    COUNT(*) FILTER (WHERE done_on <= :as_of) AS measures_done,
    MIN(CASE WHEN done_on IS NULL OR done_on > :as_of THEN planned_end END) AS next_planned_end
  FROM rectification_measure
  GROUP BY problem_no
),
-- What was reported and accepted while the ledger said what it says now, or has since only written down a closure of before;
-- `reopens` counts the times a problem had come back by then.
heard AS (
  SELECT
    r.problem_no,
    r.report_id,
    r.kind,
    r.progress_pct,
    r.due_on,
    r.reported_on,
    r.answered_on,
    r.answered_at,
    p.status = r.ledger_status AND COALESCE(p.progress_pct, -1) = COALESCE(r.ledger_pct, -1) AS unmoved,
    SUM(CASE WHEN r.kind = 'reopen' THEN 1 ELSE 0 END) OVER (PARTITION BY r.problem_no ORDER BY r.answered_at, r.report_id) AS reopens
  FROM rectification_report AS r
  JOIN rectification_problem AS p
    ON p.problem_no = r.problem_no
    AND COALESCE(p.reopened_count, 0) = r.ledger_reopened
    AND (p.status = 'closed' OR (p.status = r.ledger_status AND COALESCE(p.progress_pct, -1) = COALESCE(r.ledger_pct, -1)))
    AND COALESCE(p.status <> 'closed' OR p.closed_at < r.answered_on + INTERVAL '1' DAY, TRUE)
  WHERE r.accepted AND r.answered_on <= :as_of
),
-- Since a problem last came back an accepted closure is the last word.
accepted AS (
  SELECT
    problem_no,
    kind = 'closure' AS closes,
    progress_pct,
    reported_on,
    answered_on,
    CAST(reopens AS INTEGER) AS reopens,
    MAX(due_on) OVER (PARTITION BY problem_no, reopens) AS due_on,
    MAX(CASE WHEN kind = 'reopen' THEN answered_on END) OVER (PARTITION BY problem_no, reopens) AS reopened_on,
    ROW_NUMBER() OVER (
      PARTITION BY problem_no ORDER BY reopens DESC, CASE WHEN kind = 'closure' THEN 0 ELSE 1 END, answered_at DESC, report_id DESC
    ) AS place
  FROM heard
  WHERE unmoved OR reopens > 0
),
-- An application nobody has answered by the day asked for: the days until somebody does are not the lead department's.
waiting AS (
  SELECT problem_no, MIN(reported_on) AS reported_on
  FROM rectification_report
  WHERE kind = 'closure' AND reported_on <= :as_of AND (answered_on IS NULL OR answered_on > :as_of)
  GROUP BY problem_no
),
told AS (
  SELECT
    p.problem_no,
    CASE
      WHEN a.closes THEN 'closed'
      WHEN w.problem_no IS NOT NULL AND (p.status NOT IN ('accepted', 'closed') OR a.reopens > 0) THEN 'closure_applied'
      WHEN a.reopens > 0 THEN 'reopened'
      ELSE p.status
    END AS status,
    COALESCE(a.progress_pct, p.progress_pct) AS progress_pct,
    CASE
      WHEN a.closes THEN CAST(a.reported_on AS TIMESTAMP)
      WHEN w.problem_no IS NOT NULL AND (p.status NOT IN ('closure_applied', 'accepted', 'closed') OR a.reopens > 0)
        THEN CAST(w.reported_on AS TIMESTAMP)
      WHEN a.reopens > 0 THEN NULL
      ELSE p.closure_applied_at
    END AS closure_applied_at,
    CASE
      WHEN a.closes THEN CAST(a.answered_on AS TIMESTAMP)
      WHEN a.reopens > 0 THEN NULL
      ELSE p.closed_at
    END AS closed_at,
    COALESCE(p.reopened_count, 0) + COALESCE(a.reopens, 0) AS reopened_count,
    a.reopened_on,
    a.due_on
  FROM rectification_problem AS p
  LEFT JOIN accepted AS a ON a.problem_no = p.problem_no AND a.place = 1
  LEFT JOIN waiting AS w ON w.problem_no = p.problem_no
),
stopped AS (
  SELECT
    problem_no,
    status,
    progress_pct,
    closed_at,
    reopened_count,
    reopened_on,
    due_on,
    -- Closed after the day asked for: on that day it was an application under review.
    CASE
      WHEN status IN ('closure_applied', 'accepted', 'closed') AND closure_applied_at < :as_of + INTERVAL '1' DAY THEN CAST(closure_applied_at AS DATE)
      WHEN status = 'closed' AND closed_at < :as_of + INTERVAL '1' DAY THEN CAST(closed_at AS DATE)
    END AS stopped_on
  FROM told
),
-- Where a limit that comes round stands when the clock stopped, or else on the day asked for.
cycle AS (
  SELECT
    p.problem_no,
    MIN(CASE WHEN turn.day >= COALESCE(s.stopped_on, :as_of) THEN turn.day END) AS next_on,
    MAX(CASE WHEN turn.day < COALESCE(s.stopped_on, :as_of) THEN turn.day END) AS last_on,
    MAX(CASE WHEN turn.day < COALESCE(s.stopped_on, :as_of) THEN turn.before_on END) AS before_on
  FROM rectification_problem AS p
  JOIN stopped AS s ON s.problem_no = p.problem_no
  JOIN turn ON turn.due_recurrence = p.due_recurrence AND turn.day >= COALESCE(p.due_on, p.found_on)
  WHERE p.due_precision = '周期'
  GROUP BY p.problem_no
),
-- A report that was sent back says nothing.
sign AS (
  SELECT problem_no, MAX(told_on) AS told_on
  FROM (
    SELECT problem_no, done_on AS told_on FROM rectification_measure
    UNION ALL
    SELECT problem_no, reported_on AS told_on FROM rectification_progress
    UNION ALL
    SELECT problem_no, reported_on AS told_on
    FROM rectification_report
    WHERE kind = 'progress' AND (accepted OR answered_on IS NULL OR answered_on > :as_of)
  ) AS given
  WHERE told_on <= :as_of
  GROUP BY problem_no
),
recurring AS (
  SELECT
    cycle.problem_no,
    CASE
      WHEN cycle.last_on IS NOT NULL AND (sign.told_on IS NULL OR sign.told_on <= cycle.before_on) THEN cycle.last_on
      ELSE cycle.next_on
    END AS due_on
  FROM cycle
  LEFT JOIN sign ON sign.problem_no = cycle.problem_no
),
problem AS (
  SELECT
    p.problem_no,
    p.category,
    p.subcategory,
    p.source,
    COALESCE(p.title, p.description) AS title,
    COALESCE(dept.answering_code, p.lead_dept_code) AS lead_dept_code,
    COALESCE(dept.answering_name, p.lead_dept_code) AS lead_department,
    p.responsible_leader,
    p.responsible_person,
    p.reviewer,
    p.found_on,
    COALESCE(
      t.due_on,
      CASE WHEN recurring.due_on IS NULL OR recurring.due_on <= p.extension_to THEN p.extension_to END,
      recurring.due_on,
      p.due_on,
      CASE
        WHEN p.due_text LIKE '%立_立改%' OR p.due_text LIKE '%立即整改%' OR p.due_text LIKE '%即_即改%' OR p.due_text LIKE '%边查边改%'
          THEN CAST(COALESCE(CAST(p.confirmed_at AS DATE), p.found_on) + CAST(at_once.days AS INTEGER) AS DATE)
      END
    ) AS due_on,
    CASE
      WHEN t.due_on IS NOT NULL THEN '反弹后重新定的时限'
      WHEN p.extension_to IS NOT NULL AND (recurring.due_on IS NULL OR recurring.due_on <= p.extension_to) THEN '经批准延期'
      WHEN p.due_precision = '周期' THEN '整改清单写明的周期'
      WHEN p.due_on IS NOT NULL AND p.due_precision IN ('工作日', '期限') THEN '整改清单写明，自确认或发现之日起算'
      WHEN p.due_on IS NOT NULL THEN '整改清单写明'
      WHEN p.due_text LIKE '%立_立改%' OR p.due_text LIKE '%立即整改%' OR p.due_text LIKE '%即_即改%' OR p.due_text LIKE '%边查边改%'
        THEN at_once.rule_id || COALESCE('：' || at_once.legal_basis, '')
    END AS due_rule,
    p.due_text,
    CASE WHEN t.due_on IS NULL THEN p.due_precision ELSE '日' END AS due_precision,
    CASE WHEN t.due_on IS NULL THEN p.due_recurrence END AS due_recurrence,
    COALESCE(p.is_long_term, p.status = 'long_term' OR p.due_precision = '长期坚持' OR (p.due_on IS NULL AND (p.due_text LIKE '%长期%' OR p.due_text LIKE '%持续%')), FALSE)
      AS is_long_term,
    t.status,
    COALESCE(status.name, t.status) AS status_name,
    t.progress_pct,
    t.closed_at,
    t.status = 'closed' AND COALESCE(t.closed_at < :as_of + INTERVAL '1' DAY, TRUE) AS is_closed,
    t.stopped_on,
    COALESCE(milestone.measures, 0) AS measures,
    COALESCE(milestone.measures_done, 0) AS measures_done,
    milestone.next_planned_end,
    t.reopened_count,
    t.reopened_on,
    COALESCE(t.reopened_on, p.found_on) AS begun_on,
    COALESCE(p.publish_flag, FALSE) AS publish_flag
  FROM rectification_problem AS p
  JOIN stopped AS t ON t.problem_no = p.problem_no
  LEFT JOIN milestone ON milestone.problem_no = p.problem_no
  LEFT JOIN recurring ON recurring.problem_no = p.problem_no
  LEFT JOIN at_once
    ON at_once.from_on <= COALESCE(CAST(p.confirmed_at AS DATE), p.found_on)
    AND (at_once.next_on IS NULL OR COALESCE(CAST(p.confirmed_at AS DATE), p.found_on) < at_once.next_on)
    AND (at_once.effective_to IS NULL OR COALESCE(CAST(p.confirmed_at AS DATE), p.found_on) < at_once.effective_to)
  LEFT JOIN department_period AS dept
    ON dept.dept_code = p.lead_dept_code
    AND dept.from_on <= COALESCE(CASE WHEN t.status = 'closed' AND t.closed_at < :as_of + INTERVAL '1' DAY THEN CAST(t.closed_at AS DATE) END, :as_of)
    AND COALESCE(CASE WHEN t.status = 'closed' AND t.closed_at < :as_of + INTERVAL '1' DAY THEN CAST(t.closed_at AS DATE) END, :as_of) < dept.to_on
  LEFT JOIN code_value AS status
    ON status.code_set = 'problem_status' AND status.code = t.status
  WHERE p.found_on <= :as_of
),
timed AS (
  SELECT
    problem_no,
    category,
    subcategory,
    source,
    title,
    lead_dept_code,
    lead_department,
    responsible_leader,
    responsible_person,
    reviewer,
    found_on,
    due_on,
    due_rule,
    due_text,
    due_precision,
    due_recurrence,
    is_long_term,
    status,
    status_name,
    progress_pct,
    measures,
    measures_done,
    stopped_on,
    closed_at,
    is_closed,
    reopened_count,
    reopened_on,
    publish_flag,
    CAST((EXTRACT(EPOCH FROM CAST(COALESCE(stopped_on, :as_of) AS TIMESTAMP))
      - EXTRACT(EPOCH FROM CAST(due_on AS TIMESTAMP))) / 86400.0 AS INTEGER) AS days_past,
    CAST((EXTRACT(EPOCH FROM CAST(:as_of AS TIMESTAMP))
      - EXTRACT(EPOCH FROM CAST(next_planned_end AS TIMESTAMP))) / 86400.0 AS INTEGER) AS milestone_days_past,
    CASE
      WHEN NOT is_closed AND NOT is_long_term AND stopped_on IS NULL AND due_on > begun_on AND COALESCE(due_precision, '') <> '周期'
        THEN ROUND(
          COALESCE(progress_pct, 0)
          - 100.0 * (EXTRACT(EPOCH FROM CAST(:as_of AS TIMESTAMP)) - EXTRACT(EPOCH FROM CAST(begun_on AS TIMESTAMP)))
          / NULLIF(EXTRACT(EPOCH FROM CAST(due_on AS TIMESTAMP)) - EXTRACT(EPOCH FROM CAST(begun_on AS TIMESTAMP)), 0),
          6
        )
    END AS variance
  FROM problem
)
SELECT
  problem_no,                                                          -- 问题编号
  category,                                                            -- 类别
  subcategory,                                                         -- 小类
  source,                                                              -- 来源
  title,                                                               -- 问题
  lead_dept_code,                                                      -- 牵头单位编码
  lead_department,                                                     -- 牵头单位
  responsible_leader,                                                  -- 责任领导
  responsible_person,                                                  -- 责任人
  reviewer,                                                            -- 复核人
  found_on,                                                            -- 发现日期
  due_on,                                                              -- 整改时限
  due_text,                                                            -- 原始时限文字
  is_long_term,                                                        -- 长期坚持
  status,                                                              -- 状态代码
  status_name,                                                         -- 状态
  progress_pct,                                                        -- 进度（%）
  measures,                                                            -- 措施数
  measures_done,                                                       -- 已完成措施数
  stopped_on,                                                          -- 停止计时日
  closed_at,                                                           -- 销号时间
  is_closed,                                                           -- 已销号
  COALESCE(due_on < :as_of, FALSE) AS is_due,                          -- 已到期
  CASE WHEN due_on IS NOT NULL THEN COALESCE(stopped_on <= due_on, FALSE) END
    AS is_on_time,                                                     -- 按期
  GREATEST(COALESCE(days_past, 0), 0) AS days_overdue,                 -- 超期天数
  CAST(ROUND(variance, 1) AS NUMERIC(9, 1)) AS variance_pct,           -- 序时偏差（百分点）
  CASE
    WHEN is_closed THEN 'grey'
    WHEN is_long_term THEN 'blue'
    WHEN days_past > 0 THEN 'red'
    WHEN stopped_on IS NULL AND milestone_days_past > :milestone_days THEN 'red'
    WHEN stopped_on IS NULL AND days_past >= -(:near_days) THEN 'yellow'
    WHEN variance < -(:lag_points) THEN 'yellow'
    ELSE 'green'
  END AS light,                                                        -- 亮灯
  reopened_count,                                                      -- 反弹次数
  publish_flag,                                                        -- 公开曝光
  due_rule,                                                            -- 时限的依据
  due_precision,                                                       -- 时限精度
  due_recurrence,                                                      -- 时限周期
  reopened_on                                                          -- 反弹日（门户里认定的）
FROM timed
