/* ---
title: 12345 热线四个第一时间（按主办单位和转办月份）
question: 各单位的工单从记录到转办、转办到签收、联系群众、答复各用了多久？
grain: 每行一个转办月份的一个主办单位
owner: 县热线办
definition:
  tickets: 该月转办、至数据日的工单；并入主单的、同一上级工单号的第二张起、剔除考核的不算
  dispatch_minutes: 转办时间 − 记录时间，分钟，7×24 小时连续计时，取中位数
  sign_minutes: 主办单位首次签收时间 − 转办时间，中位数；未签收的不算
  contact_minutes: 首次联系诉求人时间 − 转办时间，中位数；未联系的不算
  reply_minutes: 答复时间 − 转办时间，中位数；未答复的不算
refresh:
  of: hotline_ticket
  by: {dispatched_month: "CAST(DATE_TRUNC('month', dispatched_at) AS DATE)", main_dept_code: main_dept_code}
  near: dispatched_at
  join: {hotline_upstream_duplicate: ticket_no, hotline_assignment: ticket_no}
--- */
WITH signing AS (
  SELECT
    ticket_no,
    dept_code,
    MIN(signed_at) AS signed_at
  FROM hotline_assignment
  WHERE role = '主办' AND signed_at < :as_of + INTERVAL '1' DAY
  GROUP BY ticket_no, dept_code
),
clock AS (
  SELECT
    t.main_dept_code,
    CAST(DATE_TRUNC('month', t.dispatched_at) AS DATE) AS dispatched_month,
    EXTRACT(EPOCH FROM t.dispatched_at) - EXTRACT(EPOCH FROM t.recorded_at) AS dispatch_seconds,
    EXTRACT(EPOCH FROM signing.signed_at) - EXTRACT(EPOCH FROM t.dispatched_at) AS sign_seconds,
    CASE
      WHEN t.first_contact_at < :as_of + INTERVAL '1' DAY
        THEN EXTRACT(EPOCH FROM t.first_contact_at) - EXTRACT(EPOCH FROM t.dispatched_at)
    END AS contact_seconds,
    CASE
      WHEN t.replied_at < :as_of + INTERVAL '1' DAY
        THEN EXTRACT(EPOCH FROM t.replied_at) - EXTRACT(EPOCH FROM t.dispatched_at)
    END AS reply_seconds
  FROM hotline_ticket AS t
  LEFT JOIN signing
    ON signing.ticket_no = t.ticket_no AND signing.dept_code = t.main_dept_code
  LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
  WHERE t.dispatched_at < :as_of + INTERVAL '1' DAY
    AND again.ticket_no IS NULL
    AND (t.root_ticket_no IS NULL OR t.root_ticket_no = t.ticket_no)
    AND NOT COALESCE(t.exclude_from_assessment, FALSE)
)
SELECT
  clock.dispatched_month,                                              -- 转办月份
  clock.main_dept_code,                                                -- 主办单位编码
  COALESCE(dept.short_name, clock.main_dept_code, '未指定') AS department, -- 主办单位
  COUNT(*) AS tickets,                                                 -- 转办工单（件）
  COUNT(clock.sign_seconds) AS signed,                                 -- 已签收（件）
  COUNT(clock.contact_seconds) AS contacted,                           -- 已联系（件）
  COUNT(clock.reply_seconds) AS replied,                               -- 已答复（件）
  CAST(ROUND(CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY clock.dispatch_seconds) AS NUMERIC(18, 3)) / 60.0, 1)
    AS NUMERIC(12, 1)) AS dispatch_minutes,                            -- 记录到转办（分钟）
  CAST(ROUND(CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY clock.sign_seconds) AS NUMERIC(18, 3)) / 60.0, 1)
    AS NUMERIC(12, 1)) AS sign_minutes,                                -- 转办到签收（分钟）
  CAST(ROUND(CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY clock.contact_seconds) AS NUMERIC(18, 3)) / 60.0, 1)
    AS NUMERIC(12, 1)) AS contact_minutes,                             -- 转办到首次联系（分钟）
  CAST(ROUND(CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY clock.reply_seconds) AS NUMERIC(18, 3)) / 60.0, 1)
    AS NUMERIC(12, 1)) AS reply_minutes                                -- 转办到答复（分钟）
FROM clock
LEFT JOIN department AS dept ON dept.dept_code = clock.main_dept_code
GROUP BY clock.dispatched_month, clock.main_dept_code, dept.short_name
