/* ---
title: 整改销号申请与审核
question: 哪些问题申请了销号，谁审的，通过还是退回，等了几天，有没有自己审自己、退回后又反弹的？
grain: 每行一次销号申请，包括在门户里申请并已审核的；台账上有申请而没有审核记录的也列
owner: 县营商环境建设局
definition:
  round: 同一问题的第几次申请
  outcome: 待审＝还没有审核结果；通过；退回；已销号＝最后一次通过且台账已销号；反弹＝通过之后又重新整改，门户里同意了反弹重开的，在那之前通过的都算
  waiting_days: 申请日至审核日的天数，没审的至数据日
  is_independent: 审核人不是责任人；审核人没写的为空
--- */
WITH review AS (
  SELECT
    problem_no,
    review_id,
    applied_on,
    CASE WHEN reviewed_at < :as_of + INTERVAL '1' DAY THEN reviewer END AS reviewer,
    CASE WHEN reviewed_at < :as_of + INTERVAL '1' DAY THEN result END AS result,
    CASE WHEN reviewed_at < :as_of + INTERVAL '1' DAY THEN reason END AS reason,
    CASE WHEN reviewed_at < :as_of + INTERVAL '1' DAY THEN reviewed_at END AS reviewed_at
  FROM rectification_review
  WHERE applied_on <= :as_of
  UNION ALL
  -- Applied for and answered in the portal.
  SELECT
    problem_no,
    CAST(report_id AS VARCHAR(40)) AS review_id,
    reported_on AS applied_on,
    CASE WHEN answered_on <= :as_of THEN reviewer END AS reviewer,
    CASE WHEN answered_on <= :as_of THEN CASE WHEN accepted THEN '通过' ELSE '退回' END END AS result,
    CASE WHEN answered_on <= :as_of THEN reason END AS reason,
    CASE WHEN answered_on <= :as_of THEN CAST(answered_on AS TIMESTAMP) END AS reviewed_at
  FROM rectification_report
  WHERE kind = 'closure' AND reported_on <= :as_of
),
told AS (
  SELECT
    p.problem_no,
    CAST(NULL AS VARCHAR(40)) AS review_id,
    CAST(p.closure_applied_at AS DATE) AS applied_on,
    p.reviewer,
    CAST(NULL AS VARCHAR(20)) AS result,
    CAST(NULL AS VARCHAR(200)) AS reason,
    CAST(NULL AS TIMESTAMP) AS reviewed_at
  FROM rectification_problem AS p
  LEFT JOIN review ON review.problem_no = p.problem_no AND review.applied_on = CAST(p.closure_applied_at AS DATE)
  WHERE p.closure_applied_at < :as_of + INTERVAL '1' DAY AND review.problem_no IS NULL
),
application AS (
  SELECT problem_no, review_id, applied_on, reviewer, result, reason, reviewed_at
  FROM review
  UNION ALL
  SELECT problem_no, review_id, applied_on, reviewer, result, reason, reviewed_at
  FROM told
),
reopened AS (
  SELECT problem_no, MAX(answered_on) AS reopened_on
  FROM rectification_report
  WHERE kind = 'reopen' AND accepted AND answered_on <= :as_of
  GROUP BY problem_no
),
numbered AS (
  SELECT
    problem_no,
    review_id,
    applied_on,
    reviewer,
    result,
    reason,
    reviewed_at,
    ROW_NUMBER() OVER (PARTITION BY problem_no ORDER BY applied_on, reviewed_at, review_id) AS round,
    COUNT(*) OVER (PARTITION BY problem_no) AS rounds
  FROM application
)
SELECT
  n.problem_no,                                                        -- 问题编号
  l.title,                                                             -- 问题
  l.lead_dept_code,                                                    -- 牵头单位编码
  l.lead_department,                                                   -- 牵头单位
  l.responsible_person,                                                -- 责任人
  n.round,                                                             -- 第几次申请
  n.applied_on,                                                        -- 申请日
  l.due_on,                                                            -- 整改时限
  n.applied_on <= l.due_on AS applied_in_time,                         -- 时限内申请
  n.reviewer,                                                          -- 审核人
  n.reviewed_at,                                                       -- 审核时间
  CASE
    WHEN n.result = '退回' THEN '退回'
    WHEN n.round = n.rounds AND l.is_closed THEN '已销号'
    WHEN n.result = '通过' AND CAST(n.reviewed_at AS DATE) <= reopened.reopened_on THEN '反弹'
    WHEN n.result IS NULL AND l.status IN ('returned', 'rectifying', 'reopened') THEN '退回'
    WHEN n.result IS NULL THEN '待审'
    WHEN l.status IN ('rectifying', 'reopened', 'returned') THEN '反弹'
    ELSE '通过'
  END AS outcome,                                                      -- 结果
  n.reason,                                                            -- 退回原因
  CAST((EXTRACT(EPOCH FROM CAST(COALESCE(CAST(n.reviewed_at AS DATE), :as_of) AS TIMESTAMP))
    - EXTRACT(EPOCH FROM CAST(n.applied_on AS TIMESTAMP))) / 86400.0 AS INTEGER) AS waiting_days, -- 等待天数
  n.reviewer <> l.responsible_person AS is_independent,                -- 另一人审核
  l.reopened_count                                                     -- 反弹次数
FROM numbered AS n
JOIN rectification_ledger AS l ON l.problem_no = n.problem_no
LEFT JOIN reopened ON reopened.problem_no = n.problem_no
