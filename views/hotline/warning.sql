/* ---
title: 12345 热线到期前预警
question: 哪些在办工单的签收、联系、办结时限已用去一半、八成或用完，归谁办，依据哪条规则？
grain: 每行一张在办工单的一个还没做到的时限，用去不到一半的不列
owner: 县热线办
definition:
  clock: 签收、联系从转办起按小时连续计；办结按工作日计，工单写明时限的用工单的，否则按规则推算（含延期和停钟）；停钟的时间不算已用
  used_pct: 已用时限 ÷ 全部时限 × 100；办结按工作日数，签收、联系按秒
  level: 50、80、100 三档；100 为时限已过（当日到期的还不算过）
  provisional: 时限里有放假安排还没公布的日子
refresh:
  of: hotline_ticket_fact
  by: {ticket_no: ticket_no}
  join: {hotline_ticket: ticket_no}
--- */
WITH open_ticket AS (
  SELECT
    f.ticket_no,
    f.main_dept_code,
    t.dispatched_at,
    t.due_at,
    COALESCE(t.extension_days, 0) AS extension_days,
    -- A source that does not say is treated as if secrecy had been asked for.
    CASE WHEN COALESCE(t.secrecy, TRUE) THEN '（诉求人要求保密）' ELSE t.title END AS title,
    f.sign_seconds,
    f.contact_seconds,
    f.sign_limit_seconds,
    f.contact_limit_seconds,
    f.closed_in_time,
    f.close_due_on
  FROM hotline_ticket_fact AS f
  JOIN hotline_ticket AS t ON t.ticket_no = f.ticket_no AND t.source_system IS NOT DISTINCT FROM f.source_system
  WHERE f.still_open AND NOT f.suspended AND NOT f.merged AND f.dispatched_month IS NOT NULL
),
hourly AS (
  SELECT
    t.ticket_no,
    t.title,
    t.main_dept_code,
    t.dispatched_at,
    l.clock,
    l.rule_id,
    l.legal_basis,
    l.seconds AS span,
    -- The limit beside the ticket has the pauses in it: what it is longer than the rule is time in which the clock stood.
    EXTRACT(EPOCH FROM CAST(:as_of AS TIMESTAMP)) - EXTRACT(EPOCH FROM t.dispatched_at)
    - (CASE l.clock WHEN '签收' THEN t.sign_limit_seconds ELSE t.contact_limit_seconds END - l.seconds) AS used
  FROM open_ticket AS t
  JOIN hotline_time_limit AS l
    ON l.clock IN ('签收', '联系') AND l.from_on <= CAST(t.dispatched_at AS DATE) AND CAST(t.dispatched_at AS DATE) < l.to_on
  WHERE (l.clock = '签收' AND t.sign_seconds IS NULL) OR (l.clock = '联系' AND t.contact_seconds IS NULL)
),
closing AS (
  SELECT
    t.ticket_no,
    t.title,
    t.main_dept_code,
    t.dispatched_at,
    l.rule_id,
    l.legal_basis,
    t.due_at AS told_due_at,
    t.close_due_on,
    t.closed_in_time,
    due.provisional,
    CASE
      WHEN t.due_at IS NOT NULL THEN today.workday_no - origin.workday_no
      ELSE today.workday_no - (due.workday_no - l.workdays - t.extension_days)
    END AS used,
    CASE
      WHEN t.due_at IS NOT NULL THEN due.workday_no - origin.workday_no
      ELSE l.workdays + t.extension_days
    END AS span
  FROM open_ticket AS t
  LEFT JOIN hotline_time_limit AS l
    ON l.clock = '办结' AND l.from_on <= CAST(t.dispatched_at AS DATE) AND CAST(t.dispatched_at AS DATE) < l.to_on
  JOIN work_calendar AS origin ON origin.day = CAST(t.dispatched_at AS DATE)
  JOIN work_calendar AS today ON today.day = :as_of
  LEFT JOIN work_calendar AS due ON due.day = t.close_due_on
),
clocks AS (
  SELECT
    hourly.ticket_no,
    hourly.title,
    hourly.main_dept_code,
    hourly.clock,
    hourly.rule_id,
    hourly.legal_basis,
    hourly.dispatched_at,
    hourly.used * 1.0 AS used,
    hourly.span * 1.0 AS span,
    hourly.used > hourly.span AS is_over,
    CAST(NULL AS DATE) AS due_on,
    FALSE AS provisional
  FROM hourly
  UNION ALL
  SELECT
    closing.ticket_no,
    closing.title,
    closing.main_dept_code,
    '办结' AS clock,
    CASE WHEN closing.told_due_at IS NULL THEN closing.rule_id END AS rule_id,
    CASE WHEN closing.told_due_at IS NULL THEN closing.legal_basis END AS legal_basis,
    closing.dispatched_at,
    closing.used * 1.0 AS used,
    closing.span * 1.0 AS span,
    COALESCE(NOT closing.closed_in_time, FALSE) AS is_over,
    closing.close_due_on AS due_on,
    COALESCE(closing.told_due_at IS NULL AND closing.provisional, FALSE) AS provisional
  FROM closing
),
levelled AS (
  SELECT
    ticket_no,
    title,
    main_dept_code,
    clock,
    rule_id,
    legal_basis,
    dispatched_at,
    due_on,
    provisional,
    used / NULLIF(span, 0) AS share,
    CASE
      WHEN is_over THEN 100
      WHEN used >= 0.8 * span THEN 80
      WHEN used >= 0.5 * span THEN 50
    END AS level
  FROM clocks
)
SELECT
  l.ticket_no,                                                         -- 工单编号
  l.title,                                                             -- 标题
  COALESCE(dept.answering_code, l.main_dept_code) AS main_dept_code, -- 主办单位编码
  COALESCE(dept.answering_name, l.main_dept_code, '未指定') AS department,   -- 主办单位
  l.clock,                                                             -- 哪个时限
  l.level,                                                             -- 预警档（%）
  CAST(ROUND(CAST(100.0 * l.share AS NUMERIC(18, 6)), 1) AS NUMERIC(9, 1)) AS used_pct, -- 已用时限（%）
  l.dispatched_at,                                                     -- 转办时间
  l.due_on,                                                            -- 应办结日
  l.provisional,                                                       -- 时限暂定
  COALESCE(l.rule_id, '工单写明') AS rule_id,                            -- 依据的规则
  l.legal_basis                                                        -- 法律依据
FROM levelled AS l
LEFT JOIN department_period AS dept
  ON dept.dept_code = l.main_dept_code AND dept.from_on <= :as_of AND :as_of < dept.to_on
WHERE l.level IS NOT NULL
