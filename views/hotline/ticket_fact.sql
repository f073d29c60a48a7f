/* ---
title: 12345 热线逐件口径（各单位、各月的数由它相加）
question: 每张工单签收、联系、答复、办结各及时吗，回访怎么说，算在哪个月、哪个单位？
grain: 每行一张至数据日已记录、已转办或已到期的工单；同一上级工单号的第二张起、同一编号由两个来源报来的第二份不列
owner: 县热线办
definition:
  merged: 已并入别的主单；算反映次数，不算办理
  recorded_month: 数据日之后才记录的为空；转办月份、应办结月份同样
  still_open: 至数据日没有办结
  close_due_on: 应办结日；工单写明办理时限的用它，没写的用 hotline.close（加批准的延期和停钟）；都没有的为空
  due_month: 应办结日已过（早于数据日）的工单，应办结日的月份；还没过的为空
  sign_limit_seconds: 签收时限合多少秒，停钟的时间加在内；联系时限同样
  source_system: 这一行取自哪个来源；同一编号有两个来源的取最早记录的
  signed_in_time: 时限用转办那天有效的规则（见热线的时限，hotline.sign），从转办起连续计时，停钟的时间不算；还没做到、时限也没过的为空
  contacted_in_time: 同上，用 hotline.contact，首次联系诉求人
  replied_in_time: 用 hotline.answer，按工作日，加批准的延期和停钟的工作日
  closed_in_time: 工单写明办理时限的用它，没写的用 hotline.close（同上）；挂账未结的为空
  valid_callback: 最后一轮回访打通且接受；未打通、拒绝的不算
  sign_seconds: 主办单位首次签收时间 − 转办时间，不扣停钟
refresh:
  of: hotline_ticket
  by: {ticket_no: ticket_no}
  near: recorded_at
  join: {hotline_upstream_duplicate: ticket_no, hotline_told_twice: ticket_no, hotline_assignment: ticket_no, hotline_callback: ticket_no, hotline_pause: ticket_no}
--- */
WITH ticket AS (
  SELECT
    t.ticket_no,
    t.source_system,
    t.main_dept_code,
    COALESCE(t.root_ticket_no <> t.ticket_no, FALSE) AS merged,
    CASE WHEN t.recorded_at < :as_of + INTERVAL '1' DAY THEN CAST(DATE_TRUNC('month', t.recorded_at) AS DATE) END AS recorded_month,
    t.category_code,
    t.town_code,
    COALESCE(t.is_enterprise, FALSE) AS is_enterprise,
    t.recorded_at,
    CASE WHEN t.dispatched_at < :as_of + INTERVAL '1' DAY THEN t.dispatched_at END AS dispatched_at,
    CASE WHEN t.first_contact_at < :as_of + INTERVAL '1' DAY THEN t.first_contact_at END AS first_contact_at,
    CASE WHEN t.replied_at < :as_of + INTERVAL '1' DAY THEN t.replied_at END AS replied_at,
    CASE WHEN t.closed_at < :as_of + INTERVAL '1' DAY THEN t.closed_at END AS closed_at,
    t.due_at,
    COALESCE(t.extension_days, 0) AS extension_days,
    COALESCE(t.is_suspended, FALSE) AS is_suspended,
    COALESCE(t.exclude_from_assessment, FALSE) AS excluded,
    COALESCE(t.return_count, 0) > 0 AS returned,
    COALESCE(t.redo_count, 0) > 0 AS redone,
    COALESCE(t.supervise_level, 0) > 0 AS supervised
  FROM hotline_ticket AS t
  LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
  LEFT JOIN hotline_told_twice AS copy ON copy.ticket_no = t.ticket_no AND copy.source_system IS NOT DISTINCT FROM t.source_system
  WHERE (t.recorded_at < :as_of + INTERVAL '1' DAY OR t.dispatched_at < :as_of + INTERVAL '1' DAY OR t.due_at < :as_of)
    AND again.ticket_no IS NULL
    AND copy.ticket_no IS NULL
),
signing AS (
  SELECT
    ticket_no,
    dept_code,
    MIN(signed_at) AS signed_at
  FROM hotline_assignment
  WHERE role = '主办' AND signed_at < :as_of + INTERVAL '1' DAY
  GROUP BY ticket_no, dept_code
),
-- The rules of all four clocks side by side, one row per stretch of days in which none of them changes.
edge AS (
  SELECT from_on AS day FROM hotline_time_limit
  UNION
  SELECT to_on AS day FROM hotline_time_limit
),
stretch AS (
  SELECT
    day AS from_on,
    LEAD(day) OVER (ORDER BY day) AS to_on
  FROM edge
),
limits AS (
  SELECT
    s.from_on,
    s.to_on,
    MAX(CASE WHEN l.clock = '签收' THEN l.seconds END) AS sign_seconds,
    MAX(CASE WHEN l.clock = '联系' THEN l.seconds END) AS contact_seconds,
    MAX(CASE WHEN l.clock = '回复' THEN l.workdays END) AS answer_days,
    MAX(CASE WHEN l.clock = '办结' THEN l.workdays END) AS close_days
  FROM stretch AS s
  JOIN hotline_time_limit AS l ON l.from_on <= s.from_on AND s.from_on < l.to_on
  GROUP BY s.from_on, s.to_on
),
-- Where on its clock each pause begins, and how long it is: seconds for the clocks of hours, working days for the others.
stop AS (
  SELECT
    t.ticket_no,
    p.paused_at,
    CASE
      WHEN p.paused_at > t.dispatched_at THEN EXTRACT(EPOCH FROM p.paused_at) - EXTRACT(EPOCH FROM t.dispatched_at)
      ELSE 0
    END AS at_second,
    EXTRACT(EPOCH FROM COALESCE(p.resumed_at, CAST(:as_of AS TIMESTAMP)))
    - EXTRACT(EPOCH FROM CASE WHEN p.paused_at > t.dispatched_at THEN p.paused_at ELSE t.dispatched_at END) AS seconds,
    begun.workday_no + CASE WHEN begun.is_workday THEN 0 ELSE 0.5 END - origin.workday_no AS at_workday,
    ended.workday_no - begun.workday_no AS workdays,
    limits.sign_seconds,
    limits.contact_seconds,
    limits.answer_days + t.extension_days AS answer_days,
    limits.close_days + t.extension_days AS close_days
  FROM hotline_pause AS p
  JOIN ticket AS t ON t.ticket_no = p.ticket_no
  JOIN limits ON limits.from_on <= CAST(t.dispatched_at AS DATE) AND CAST(t.dispatched_at AS DATE) < limits.to_on
  LEFT JOIN work_calendar AS origin ON origin.day = CAST(t.dispatched_at AS DATE)
  LEFT JOIN work_calendar AS begun
    ON begun.day = CAST(CASE WHEN p.paused_at > t.dispatched_at THEN p.paused_at ELSE t.dispatched_at END AS DATE)
  LEFT JOIN work_calendar AS ended ON ended.day = CAST(COALESCE(p.resumed_at, CAST(:as_of AS TIMESTAMP)) AS DATE)
  WHERE p.paused_at < :as_of + INTERVAL '1' DAY AND COALESCE(p.resumed_at, CAST(:as_of AS TIMESTAMP)) > t.dispatched_at
),
-- A pause counts when it begins before the end that the pauses before it have moved.
moved AS (
  SELECT
    ticket_no,
    paused_at,
    CASE WHEN seconds > 0 THEN seconds ELSE 0 END AS seconds,
    CASE WHEN workdays > 0 THEN workdays ELSE 0 END AS workdays,
    at_second - COALESCE(SUM(CASE WHEN seconds > 0 THEN seconds ELSE 0 END) OVER (
      PARTITION BY ticket_no ORDER BY paused_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS at_second,
    at_workday - COALESCE(SUM(CASE WHEN workdays > 0 THEN workdays ELSE 0 END) OVER (
      PARTITION BY ticket_no ORDER BY paused_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS at_workday,
    sign_seconds,
    contact_seconds,
    answer_days,
    close_days
  FROM stop
),
reached AS (
  SELECT
    ticket_no,
    seconds,
    workdays,
    -- What the clock had run when the pause began; once past the limit, later pauses change nothing.
    MAX(at_second) OVER (PARTITION BY ticket_no ORDER BY paused_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run_seconds,
    MAX(at_workday) OVER (PARTITION BY ticket_no ORDER BY paused_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run_workdays,
    sign_seconds,
    contact_seconds,
    answer_days,
    close_days
  FROM moved
),
paused AS (
  SELECT
    ticket_no,
    SUM(CASE WHEN run_seconds <= sign_seconds THEN seconds ELSE 0 END) AS sign_seconds,
    SUM(CASE WHEN run_seconds <= contact_seconds THEN seconds ELSE 0 END) AS contact_seconds,
    SUM(CASE WHEN run_workdays <= answer_days THEN workdays ELSE 0 END) AS answer_days,
    SUM(CASE WHEN run_workdays <= close_days THEN workdays ELSE 0 END) AS close_days
  FROM reached
  GROUP BY ticket_no
),
callback AS (
  SELECT
    ticket_no,
    reached,
    answered,
    solved,
    satisfaction,
    ROW_NUMBER() OVER (PARTITION BY ticket_no ORDER BY round DESC NULLS LAST, called_at DESC, callback_id DESC) AS from_last
  FROM hotline_callback
  WHERE called_at < :as_of + INTERVAL '1' DAY
),
clock AS (
  SELECT
    t.ticket_no,
    t.source_system,
    t.main_dept_code,
    t.merged,
    t.recorded_month,
    t.recorded_at,
    t.category_code,
    t.town_code,
    t.is_enterprise,
    t.dispatched_at,
    t.due_at,
    t.replied_at,
    t.closed_at,
    t.is_suspended,
    t.excluded,
    t.returned,
    t.redone,
    t.supervised,
    t.extension_days,
    EXTRACT(EPOCH FROM t.dispatched_at) - EXTRACT(EPOCH FROM t.recorded_at) AS dispatch_seconds,
    EXTRACT(EPOCH FROM signing.signed_at) - EXTRACT(EPOCH FROM t.dispatched_at) AS sign_seconds,
    EXTRACT(EPOCH FROM t.first_contact_at) - EXTRACT(EPOCH FROM t.dispatched_at) AS contact_seconds,
    EXTRACT(EPOCH FROM t.replied_at) - EXTRACT(EPOCH FROM t.dispatched_at) AS reply_seconds,
    EXTRACT(EPOCH FROM CAST(:as_of AS TIMESTAMP)) - EXTRACT(EPOCH FROM t.dispatched_at) AS run_seconds,
    limits.sign_seconds + COALESCE(paused.sign_seconds, 0) AS sign_limit,
    limits.contact_seconds + COALESCE(paused.contact_seconds, 0) AS contact_limit,
    CAST(origin.workday_no + limits.answer_days + t.extension_days + COALESCE(paused.answer_days, 0) AS BIGINT) AS answer_no,
    CAST(origin.workday_no + limits.close_days + t.extension_days + COALESCE(paused.close_days, 0) AS BIGINT) AS close_no
  FROM ticket AS t
  LEFT JOIN limits ON limits.from_on <= CAST(t.dispatched_at AS DATE) AND CAST(t.dispatched_at AS DATE) < limits.to_on
  LEFT JOIN work_calendar AS origin ON origin.day = CAST(t.dispatched_at AS DATE)
  LEFT JOIN signing ON signing.ticket_no = t.ticket_no AND signing.dept_code = t.main_dept_code
  LEFT JOIN paused ON paused.ticket_no = t.ticket_no
)
SELECT
  c.ticket_no,                                                         -- 工单编号
  c.main_dept_code,                                                    -- 主办单位编码
  c.merged,                                                            -- 已并入主单
  c.recorded_month,                                                    -- 记录月份
  CASE WHEN c.recorded_month IS NOT NULL THEN CAST(EXTRACT(HOUR FROM c.recorded_at) AS INTEGER) END AS recorded_hour, -- 记录钟点
  c.category_code,                                                     -- 问题分类编码
  c.town_code,                                                         -- 乡镇编码
  c.is_enterprise,                                                     -- 涉企
  CAST(DATE_TRUNC('month', c.dispatched_at) AS DATE) AS dispatched_month, -- 转办月份
  CASE
    WHEN COALESCE(CAST(c.due_at AS DATE), closing.day) < :as_of THEN CAST(DATE_TRUNC('month', COALESCE(CAST(c.due_at AS DATE), closing.day)) AS DATE)
  END AS due_month,                                                    -- 应办结月份
  c.excluded,                                                          -- 剔除考核
  c.is_suspended AND c.closed_at IS NULL AS suspended,                 -- 挂账未结
  c.closed_at IS NULL AS still_open,                                   -- 未办结
  -- NULL: not done, and the time not over.
  CASE
    WHEN c.sign_seconds IS NOT NULL THEN c.sign_seconds <= c.sign_limit
    WHEN c.run_seconds > c.sign_limit THEN FALSE
  END AS signed_in_time,                                               -- 及时签收
  CASE
    WHEN c.contact_seconds IS NOT NULL THEN c.contact_seconds <= c.contact_limit
    WHEN c.run_seconds > c.contact_limit THEN FALSE
  END AS contacted_in_time,                                            -- 及时联系
  CASE
    WHEN c.replied_at IS NOT NULL THEN CAST(c.replied_at AS DATE) <= answer.day
    WHEN answer.day < :as_of THEN FALSE
  END AS replied_in_time,                                              -- 按期答复
  CASE
    WHEN c.closed_at IS NOT NULL AND c.due_at IS NOT NULL THEN c.closed_at <= c.due_at
    WHEN c.closed_at IS NOT NULL THEN CAST(c.closed_at AS DATE) <= closing.day
    WHEN c.is_suspended THEN NULL
    WHEN c.due_at < :as_of OR (c.due_at IS NULL AND closing.day < :as_of) THEN FALSE
  END AS closed_in_time,                                               -- 按期办结
  c.returned,                                                          -- 退过单
  c.redone,                                                            -- 重办过
  c.extension_days > 0 AS extended,                                    -- 延过期
  c.supervised,                                                        -- 督办
  back.ticket_no IS NOT NULL AS called,                                -- 回访过
  COALESCE(back.reached, FALSE) AS reached,                            -- 打通
  COALESCE(back.reached AND back.answered, FALSE) AS valid_callback,   -- 有效回访
  COALESCE(back.reached AND back.answered AND back.solved = '已解决', FALSE) AS solved, -- 答已解决
  COALESCE(back.reached AND back.answered AND back.satisfaction <> '未评价', FALSE) AS rated, -- 已评价
  COALESCE(back.reached AND back.answered AND back.satisfaction IN ('非常满意', '满意', '基本满意'), FALSE) AS satisfied, -- 满意
  CAST(c.dispatch_seconds AS NUMERIC(18, 3)) AS dispatch_seconds, -- 记录到转办（秒）
  CAST(c.sign_seconds AS NUMERIC(18, 3)) AS sign_seconds, -- 转办到签收（秒）
  CAST(c.contact_seconds AS NUMERIC(18, 3)) AS contact_seconds, -- 转办到首次联系（秒）
  CAST(c.reply_seconds AS NUMERIC(18, 3)) AS reply_seconds, -- 转办到答复（秒）
  CAST(c.sign_limit AS NUMERIC(18, 3)) AS sign_limit_seconds, -- 签收时限（秒）
  CAST(c.contact_limit AS NUMERIC(18, 3)) AS contact_limit_seconds, -- 联系时限（秒）
  COALESCE(CAST(c.due_at AS DATE), closing.day) AS close_due_on, -- 应办结日
  c.source_system                                                      -- 来源
FROM clock AS c
LEFT JOIN callback AS back ON back.ticket_no = c.ticket_no AND back.from_last = 1
LEFT JOIN work_calendar AS answer ON answer.is_workday AND answer.workday_no = c.answer_no
LEFT JOIN work_calendar AS closing ON closing.is_workday AND closing.workday_no = c.close_no
