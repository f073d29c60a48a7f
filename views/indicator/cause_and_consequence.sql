/* ---
title: 指标短板的因果
question: 不足 70 分或低于均值的指标，牵头单位的热线诉求和整改怎么样，下一期动了没有？
grain: 每行一个评价体系、年度、周期、区域下的一项短板一级指标（不足 70 分、低于均值，或有这样的二级指标）
owner: 县营商环境建设局
definition:
  tickets: 评价年度起至数据日，牵头单位主办的热线工单；并入主单的不算
  enterprise_tickets: 其中涉企的
  tickets_overdue: 其中超过办理时限办结，或过了时限还没办结的
  problems: 与该指标（或它的二级指标）关联的整改问题，没有写明关联的按牵头单位归入
  problems_overdue: 其中亮红灯的
  next_year: 同一评价体系里该指标有得分的下一个年度
  consequence: 下一期比本期升了为已改善，没升为未改善，还没有下一期为待观察
--- */
WITH told AS (
  SELECT
    i.scheme_code,
    i.year,
    i.period,
    i.region_code,
    i.indicator_code,
    i.indicator,
    i.lead_dept_code,
    i.lead_department,
    i.score,
    i.city_avg,
    i.province_avg,
    i.below_70,
    i.level2_below_averages,
    i.level2_below_70,
    i.score < i.city_avg OR i.score < i.province_avg AS below_averages,
    LEAD(i.year) OVER (PARTITION BY i.scheme_code, i.period, i.region_code, i.indicator_code ORDER BY i.year) AS next_year,
    LEAD(i.score) OVER (PARTITION BY i.scheme_code, i.period, i.region_code, i.indicator_code ORDER BY i.year) AS next_score
  FROM indicator_overview AS i
),
ticket AS (
  SELECT
    main_dept_code,
    CAST(EXTRACT(YEAR FROM recorded_at) AS INTEGER) AS year,
    COUNT(*) AS tickets,
    COUNT(*) FILTER (WHERE is_enterprise) AS enterprise_tickets,
    COUNT(*) FILTER (WHERE COALESCE(closed_at > due_at, due_at < :as_of)) AS overdue
  FROM hotline_ticket
  WHERE recorded_at < :as_of + INTERVAL '1' DAY
    AND (root_ticket_no IS NULL OR root_ticket_no = ticket_no)
  GROUP BY main_dept_code, CAST(EXTRACT(YEAR FROM recorded_at) AS INTEGER)
),
heard AS (
  SELECT
    told.scheme_code,
    told.year,
    told.period,
    told.region_code,
    told.indicator_code,
    SUM(ticket.tickets) AS tickets,
    SUM(ticket.enterprise_tickets) AS enterprise_tickets,
    SUM(ticket.overdue) AS overdue
  FROM told
  JOIN ticket ON ticket.main_dept_code = told.lead_dept_code AND ticket.year >= told.year
  GROUP BY told.scheme_code, told.year, told.period, told.region_code, told.indicator_code
),
problem AS (
  SELECT
    l.lead_dept_code,
    COALESCE(up.indicator_code, d.indicator_code) AS indicator_code,
    COALESCE(up.scheme_code, d.scheme_code) AS scheme_code,
    l.is_closed,
    l.light
  FROM rectification_ledger AS l
  JOIN rectification_problem AS p ON p.problem_no = l.problem_no
  LEFT JOIN indicator_definition AS d ON d.indicator_code = p.related_indicator_code
  LEFT JOIN indicator_definition AS up ON up.scheme_code = d.scheme_code AND up.indicator_code = d.parent_code
),
mended AS (
  SELECT
    told.scheme_code,
    told.year,
    told.period,
    told.region_code,
    told.indicator_code,
    COUNT(*) AS problems,
    COUNT(*) FILTER (WHERE problem.is_closed) AS closed,
    COUNT(*) FILTER (WHERE problem.light = 'red') AS overdue
  FROM told
  JOIN problem
    ON (problem.indicator_code = told.indicator_code AND problem.scheme_code = told.scheme_code)
    OR (problem.indicator_code IS NULL AND problem.lead_dept_code = told.lead_dept_code)
  GROUP BY told.scheme_code, told.year, told.period, told.region_code, told.indicator_code
)
SELECT
  told.scheme_code,                                                    -- 评价体系
  told.year,                                                           -- 年度
  told.period,                                                         -- 周期
  told.region_code,                                                    -- 区划
  told.indicator_code,                                                 -- 指标编码
  told.indicator,                                                      -- 一级指标
  told.lead_dept_code,                                                 -- 牵头单位编码
  told.lead_department,                                                -- 牵头单位
  told.score,                                                          -- 得分
  told.below_70,                                                       -- 不足 70 分
  told.below_averages,                                                 -- 低于全市或全省均值
  told.level2_below_averages,                                          -- 低于均值的二级指标数
  told.level2_below_70,                                                -- 不足 70 分的二级指标数
  COALESCE(heard.tickets, 0) AS tickets,                               -- 热线工单（件）
  COALESCE(heard.enterprise_tickets, 0) AS enterprise_tickets,         -- 其中涉企（件）
  COALESCE(heard.overdue, 0) AS tickets_overdue,                       -- 其中超期（件）
  COALESCE(mended.problems, 0) AS problems,                            -- 整改问题
  COALESCE(mended.closed, 0) AS problems_closed,                       -- 已销号
  COALESCE(mended.overdue, 0) AS problems_overdue,                     -- 红灯
  told.next_year,                                                      -- 下一期
  told.next_score,                                                     -- 下一期得分
  CASE
    WHEN told.next_score IS NULL THEN '待观察'
    WHEN told.next_score > told.score THEN '已改善'
    ELSE '未改善'
  END AS consequence                                                   -- 结果
FROM told
LEFT JOIN heard
  ON heard.scheme_code = told.scheme_code
  AND heard.year = told.year
  AND heard.period = told.period
  AND heard.region_code = told.region_code
  AND heard.indicator_code = told.indicator_code
LEFT JOIN mended
  ON mended.scheme_code = told.scheme_code
  AND mended.year = told.year
  AND mended.period = told.period
  AND mended.region_code = told.region_code
  AND mended.indicator_code = told.indicator_code
WHERE told.below_70 OR told.below_averages OR told.level2_below_averages > 0 OR told.level2_below_70 > 0
