/* ---
title: 12345 热线五限时（按主办单位和转办月份）
question: 各单位签收、联系、答复、办结及时吗，退单、重办、延期、剔除各有多少？
grain: 每行一个转办月份的一个主办单位
owner: 县热线办
definition:
  tickets: 该月转办的工单；并入主单的、同一上级工单号的第二张起不算
  assessed: 其中没有剔除考核的，下面的率都以它为底
  sign_pct: 时限内签收 ÷ 已签收或已过签收时限 × 100；时限用转办那天有效的规则（见热线的时限，hotline.sign），从转办起连续计时，停钟的时间不算
  contact_pct: 时限内首次联系 ÷ 已联系或已过联系时限 × 100；时限用转办那天有效的规则（hotline.contact）
  reply_pct: 时限内答复 ÷ 已答复或已过答复时限 × 100；时限用转办那天有效的规则（hotline.answer），按工作日，加批准的延期和停钟
  close_pct: 不晚于办理时限办结 ÷ 已办结或已过办理时限 × 100；工单没写时限的按规则 hotline.close；挂账未结的不算
  return_pct: 退过单的 ÷ 考核工单 × 100
  redo_pct: 重办过的 ÷ 已办结 × 100
  extension_pct: 批准延期的 ÷ 考核工单 × 100
  excluded: 经批准剔除考核的工单，不在各率的分母里
refresh:
  of: hotline_ticket_fact
  by: {dispatched_month: dispatched_month, main_dept_code: main_dept_code}
  sum: counted
--- */
WITH counted AS (
  SELECT
    dispatched_month,
    main_dept_code,
    COUNT(*) AS tickets,
    COUNT(*) FILTER (WHERE NOT excluded) AS assessed,
    COUNT(*) FILTER (WHERE excluded) AS excluded,
    COUNT(*) FILTER (WHERE suspended AND NOT excluded) AS suspended,
    COUNT(*) FILTER (WHERE NOT excluded AND signed_in_time IS NOT NULL) AS sign_due,
    COUNT(*) FILTER (WHERE NOT excluded AND signed_in_time) AS signed_in_time,
    COUNT(*) FILTER (WHERE NOT excluded AND contacted_in_time IS NOT NULL) AS contact_due,
    COUNT(*) FILTER (WHERE NOT excluded AND contacted_in_time) AS contacted_in_time,
    COUNT(*) FILTER (WHERE NOT excluded AND replied_in_time IS NOT NULL) AS reply_due,
    COUNT(*) FILTER (WHERE NOT excluded AND replied_in_time) AS replied_in_time,
    COUNT(*) FILTER (WHERE NOT excluded AND closed_in_time IS NOT NULL) AS close_due,
    COUNT(*) FILTER (WHERE NOT excluded AND closed_in_time) AS closed_in_time,
    COUNT(*) FILTER (WHERE NOT excluded AND NOT still_open) AS closed,
    COUNT(*) FILTER (WHERE NOT excluded AND returned) AS returned,
    COUNT(*) FILTER (WHERE NOT excluded AND redone AND NOT still_open) AS redone,
    COUNT(*) FILTER (WHERE NOT excluded AND extended) AS extended,
    COUNT(*) FILTER (WHERE NOT excluded AND supervised) AS supervised
  FROM hotline_ticket_fact
  WHERE dispatched_month IS NOT NULL AND NOT merged
  GROUP BY dispatched_month, main_dept_code
)
SELECT
  counted.dispatched_month,                                            -- 转办月份
  counted.main_dept_code,                                              -- 主办单位编码
  COALESCE(dept.short_name, counted.main_dept_code, '未指定') AS department, -- 主办单位
  counted.tickets,                                                     -- 转办工单（件）
  counted.assessed,                                                    -- 考核工单（件）
  counted.excluded,                                                    -- 剔除考核（件）
  counted.suspended,                                                   -- 挂账（件）
  counted.sign_due,                                                    -- 应签收（件）
  counted.signed_in_time,                                              -- 及时签收（件）
  CAST(ROUND(100.0 * counted.signed_in_time / NULLIF(counted.sign_due, 0), 2) AS NUMERIC(5, 2)) AS sign_pct, -- 及时签收率（%）
  counted.contact_due,                                                 -- 应联系（件）
  counted.contacted_in_time,                                           -- 及时联系（件）
  CAST(ROUND(100.0 * counted.contacted_in_time / NULLIF(counted.contact_due, 0), 2) AS NUMERIC(5, 2)) AS contact_pct, -- 及时联系率（%）
  counted.reply_due,                                                   -- 应答复（件）
  counted.replied_in_time,                                             -- 按期答复（件）
  CAST(ROUND(100.0 * counted.replied_in_time / NULLIF(counted.reply_due, 0), 2) AS NUMERIC(5, 2)) AS reply_pct, -- 按期答复率（%）
  counted.close_due,                                                   -- 应办结（件）
  counted.closed_in_time,                                              -- 按期办结（件）
  CAST(ROUND(100.0 * counted.closed_in_time / NULLIF(counted.close_due, 0), 2) AS NUMERIC(5, 2)) AS close_pct, -- 按期办结率（%）
  counted.closed,                                                      -- 已办结（件）
  counted.returned,                                                    -- 退过单（件）
  CAST(ROUND(100.0 * counted.returned / NULLIF(counted.assessed, 0), 2) AS NUMERIC(5, 2)) AS return_pct, -- 退单率（%）
  counted.redone,                                                      -- 重办（件）
  CAST(ROUND(100.0 * counted.redone / NULLIF(counted.closed, 0), 2) AS NUMERIC(5, 2)) AS redo_pct, -- 重办率（%）
  counted.extended,                                                    -- 延期（件）
  CAST(ROUND(100.0 * counted.extended / NULLIF(counted.assessed, 0), 2) AS NUMERIC(5, 2)) AS extension_pct, -- 延期率（%）
  counted.supervised                                                   -- 督办（件）
FROM counted
LEFT JOIN department_period AS dept
  ON dept.dept_code = counted.main_dept_code
  AND dept.from_on < counted.dispatched_month + INTERVAL '1' MONTH AND dept.to_on >= counted.dispatched_month + INTERVAL '1' MONTH
