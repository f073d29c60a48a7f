/* ---
title: 12345 热线响应率、解决率、满意率（按主办单位和转办月份）
question: 各单位及时联系群众了吗，问题解决了吗，群众满意吗？
grain: 每行一个转办月份的一个主办单位
owner: 县热线办
definition:
  tickets: 该月转办的工单；并入主单的、同一上级工单号的第二张起、剔除考核的不算
  response_pct: 时限内首次联系诉求人的工单 ÷ 已联系或已过联系时限的工单 × 100；时限用转办那天有效的规则（hotline.contact）
  solved_pct: 回访答“已解决”的 ÷ 有效回访 × 100
  satisfaction_pct: （非常满意＋满意＋基本满意）÷ 已作评价的有效回访 × 100
  valid_callbacks: 每张工单取最后一轮回访；打通且接受回访的为有效，未打通、拒绝回访的不进分母
  composite_simulated: 三率按 30、40、30 加权（权重可改），仅供模拟，不是考核结果
parameters:
  response_weight: {value: 30, title: 响应率权重, source: 模拟口径，可按当年考核办法修改}
  solved_weight: {value: 40, title: 解决率权重, source: 模拟口径，可按当年考核办法修改}
  satisfaction_weight: {value: 30, title: 满意率权重, source: 模拟口径，可按当年考核办法修改}
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
    COUNT(contacted_in_time) AS contact_due,
    COUNT(*) FILTER (WHERE contacted_in_time) AS contacted_in_time,
    COUNT(*) FILTER (WHERE called) AS callbacks,
    COUNT(*) FILTER (WHERE called AND NOT reached) AS unreached,
    COUNT(*) FILTER (WHERE reached AND NOT valid_callback) AS refused,
    COUNT(*) FILTER (WHERE valid_callback) AS valid_callbacks,
    COUNT(*) FILTER (WHERE solved) AS solved,
    COUNT(*) FILTER (WHERE rated) AS rated,
    COUNT(*) FILTER (WHERE satisfied) AS satisfied
  FROM hotline_ticket_fact
  WHERE dispatched_month IS NOT NULL AND NOT merged AND NOT excluded
  GROUP BY dispatched_month, main_dept_code
)
SELECT
  counted.dispatched_month,                                            -- 转办月份
  counted.main_dept_code,                                              -- 主办单位编码
  COALESCE(dept.short_name, counted.main_dept_code, '未指定') AS department, -- 主办单位
  counted.tickets,                                                     -- 转办工单（件）
  counted.contact_due,                                                 -- 应联系（件）
  counted.contacted_in_time,                                           -- 及时联系（件）
  CAST(ROUND(100.0 * counted.contacted_in_time / NULLIF(counted.contact_due, 0), 2)
    AS NUMERIC(5, 2)) AS response_pct,                                 -- 响应率（%）
  counted.callbacks,                                                   -- 回访（件）
  counted.unreached,                                                   -- 未打通（件）
  counted.refused,                                                     -- 拒绝回访（件）
  counted.valid_callbacks,                                             -- 有效回访（件）
  counted.solved,                                                      -- 已解决（件）
  CAST(ROUND(100.0 * counted.solved / NULLIF(counted.valid_callbacks, 0), 2)
    AS NUMERIC(5, 2)) AS solved_pct,                                   -- 解决率（%）
  counted.rated,                                                       -- 已评价（件）
  counted.satisfied,                                                   -- 满意（件）
  CAST(ROUND(100.0 * counted.satisfied / NULLIF(counted.rated, 0), 2)
    AS NUMERIC(5, 2)) AS satisfaction_pct,                             -- 满意率（%）
  CAST(ROUND(
    :response_weight * 1.0 * counted.contacted_in_time / NULLIF(counted.contact_due, 0)
    + :solved_weight * 1.0 * counted.solved / NULLIF(counted.valid_callbacks, 0)
    + :satisfaction_weight * 1.0 * counted.satisfied / NULLIF(counted.rated, 0), 2
  ) AS NUMERIC(6, 2)) AS composite_simulated                           -- 三率综合（模拟）
FROM counted
LEFT JOIN department_period AS dept
  ON dept.dept_code = counted.main_dept_code
  AND dept.from_on < counted.dispatched_month + INTERVAL '1' MONTH AND dept.to_on >= counted.dispatched_month + INTERVAL '1' MONTH
