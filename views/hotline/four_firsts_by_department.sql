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
  of: hotline_ticket_fact
  by: {dispatched_month: dispatched_month, main_dept_code: main_dept_code}
  sum: counted
  median: [dispatch_seconds, sign_seconds, contact_seconds, reply_seconds]
--- */
WITH counted AS (
  SELECT
    dispatched_month,
    main_dept_code,
    COUNT(*) AS tickets,
    COUNT(sign_seconds) AS signed,
    COUNT(contact_seconds) AS contacted,
    COUNT(reply_seconds) AS replied,
    CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY dispatch_seconds) AS NUMERIC(18, 3)) AS dispatch_seconds,
    CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY sign_seconds) AS NUMERIC(18, 3)) AS sign_seconds,
    CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY contact_seconds) AS NUMERIC(18, 3)) AS contact_seconds,
    CAST(PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY reply_seconds) AS NUMERIC(18, 3)) AS reply_seconds
  FROM hotline_ticket_fact
  WHERE dispatched_month IS NOT NULL AND NOT merged AND NOT excluded
  GROUP BY dispatched_month, main_dept_code
)
SELECT
  counted.dispatched_month,                                            -- 转办月份
  counted.main_dept_code,                                              -- 主办单位编码
  COALESCE(dept.short_name, counted.main_dept_code, '未指定') AS department, -- 主办单位
  counted.tickets,                                                     -- 转办工单（件）
  counted.signed,                                                      -- 已签收（件）
  counted.contacted,                                                   -- 已联系（件）
  counted.replied,                                                     -- 已答复（件）
  CAST(ROUND(counted.dispatch_seconds / 60.0, 1) AS NUMERIC(12, 1)) AS dispatch_minutes, -- 记录到转办（分钟）
  CAST(ROUND(counted.sign_seconds / 60.0, 1) AS NUMERIC(12, 1)) AS sign_minutes, -- 转办到签收（分钟）
  CAST(ROUND(counted.contact_seconds / 60.0, 1) AS NUMERIC(12, 1)) AS contact_minutes, -- 转办到首次联系（分钟）
  CAST(ROUND(counted.reply_seconds / 60.0, 1) AS NUMERIC(12, 1)) AS reply_minutes -- 转办到答复（分钟）
FROM counted
LEFT JOIN department_period AS dept
  ON dept.dept_code = counted.main_dept_code
  AND dept.from_on < counted.dispatched_month + INTERVAL '1' MONTH AND dept.to_on >= counted.dispatched_month + INTERVAL '1' MONTH
