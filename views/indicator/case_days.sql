/* ---
title: 办理用时（逐件）
question: 评价里算时间的几项，本县每一件实际用了几个工作日，超没超承诺？
grain: 每行一件已办结的企业办件
owner: 县营商环境建设局
definition:
  metric: 测算口径：start_business 企业设立登记（准予的，受理到办结）；property 不动产转移登记（企业办理的，受理到登簿）；water、power、gas 报装（已通的，申请到接通）；credit 企业贷款（已通过的，申请到审批）
  working_days: 起始日不算的工作日数，扣除补正等暂停天数和用户原因天数，不少于 0
  limit_days: 承诺时限；不动产登记用受理那天有效的时限规则 property.register（改时限另立同事项、同地区的一条，写施行日期）；贷款没有规定，为空
  late: 用时超过 limit_days；没有时限的为空
--- */
WITH version AS (
  SELECT
    r.days,
    r.effective_to,
    COALESCE(r.effective_from, CAST('1900-01-01' AS DATE)) AS from_on,
    LEAD(COALESCE(r.effective_from, CAST('1900-01-01' AS DATE)), 1, CAST('9999-12-31' AS DATE)) OVER (
      ORDER BY COALESCE(r.effective_from, CAST('1900-01-01' AS DATE)), r.rule_id
    ) AS next_on
  FROM deadline_rule AS root
  JOIN deadline_rule AS r
    ON r.rule_id = root.rule_id OR (r.item = root.item AND r.region IS NOT DISTINCT FROM root.region)
  WHERE root.rule_id = 'property.register'
),
item AS (
  SELECT
    'start_business' AS metric,
    case_no AS ref_no,
    dept_code,
    enterprise_name,
    CAST(accepted_at AS DATE) AS started_on,
    CAST(finished_at AS DATE) AS finished_on,
    COALESCE(paused_days, 0) AS stopped_days,
    promise_days AS limit_days
  FROM service_case
  WHERE item_name = '企业设立登记' AND applicant_kind = 'enterprise' AND result = '准予'
  UNION ALL
  SELECT
    'property' AS metric,
    r.reg_no AS ref_no,
    r.provider_dept_code AS dept_code,
    r.enterprise_name,
    CAST(r.accepted_at AS DATE) AS started_on,
    CAST(r.registered_at AS DATE) AS finished_on,
    0 AS stopped_days,
    l.days AS limit_days
  FROM property_registration AS r
  LEFT JOIN version AS l
    ON l.from_on <= CAST(r.accepted_at AS DATE) AND CAST(r.accepted_at AS DATE) < l.next_on
    AND (l.effective_to IS NULL OR CAST(r.accepted_at AS DATE) < l.effective_to)
  WHERE r.reg_type = '转移' AND r.holder_kind = 'enterprise'
  UNION ALL
  SELECT
    CAST(utility AS VARCHAR(20)) AS metric,
    apply_no AS ref_no,
    provider_dept_code AS dept_code,
    enterprise_name,
    CAST(applied_at AS DATE) AS started_on,
    CAST(supplied_at AS DATE) AS finished_on,
    COALESCE(user_delay_days, 0) AS stopped_days,
    promise_days AS limit_days
  FROM utility_connection
  WHERE utility IN ('water', 'power', 'gas')
  UNION ALL
  SELECT
    'credit' AS metric,
    loan_no AS ref_no,
    provider_dept_code AS dept_code,
    -- Who borrows is S2: a board is read without a request, so the loan stands by its number alone.
    CAST(NULL AS VARCHAR(200)) AS enterprise_name,
    applied_on AS started_on,
    approved_on AS finished_on,
    0 AS stopped_days,
    NULL AS limit_days
  FROM credit_loan
  WHERE result = '通过'
),
counted AS (
  SELECT
    item.metric,
    item.ref_no,
    item.dept_code,
    item.enterprise_name,
    item.started_on,
    item.finished_on,
    item.limit_days,
    GREATEST(ended.workday_no - begun.workday_no - item.stopped_days, 0) AS working_days
  FROM item
  JOIN work_calendar AS begun ON begun.day = item.started_on
  JOIN work_calendar AS ended ON ended.day = item.finished_on
  WHERE item.finished_on >= item.started_on AND item.finished_on <= :as_of
)
SELECT
  counted.metric,                                                      -- 测算口径
  CAST(EXTRACT(YEAR FROM counted.finished_on) AS INTEGER) AS year,     -- 年度
  counted.ref_no,                                                      -- 业务编号
  counted.dept_code,                                                   -- 办理单位编码
  COALESCE(dept.short_name, counted.dept_code) AS department,          -- 办理单位
  counted.enterprise_name,                                             -- 企业名称
  counted.started_on,                                                  -- 起算日
  counted.finished_on,                                                 -- 办结日
  counted.working_days,                                                -- 用时（工作日）
  counted.limit_days,                                                  -- 时限（工作日）
  counted.working_days > counted.limit_days AS late                    -- 超时
FROM counted
LEFT JOIN department_period AS dept
  ON dept.dept_code = counted.dept_code AND dept.from_on <= counted.finished_on AND counted.finished_on < dept.to_on
