/* ---
title: 12345 热线单位分档（模拟）
question: 各单位三率综合在哪一档，哪些单位满意率、响应率不到底线，同档里排第几？
grain: 每行一个转办月份的一个主办单位
owner: 县热线办
definition:
  tier: 先分档后排名：综合不低于优秀线、良好线、合格线依次为优秀、良好、合格，其余为待改进；转办不足最少件数的不分档
  place: 同月同档里按综合从高到低，相同的并列（1224）；不分档的为空
  below_floor: 满意率或响应率低于底线
  response_pct: 见 12345 热线响应率、解决率、满意率
  solved_pct: 见 12345 热线响应率、解决率、满意率
  satisfaction_pct: 见 12345 热线响应率、解决率、满意率
  composite_simulated: 三率综合，仅供模拟，不是考核结果
parameters:
  excellent: {value: 90, title: 优秀线（分）, source: 县热线办默认值，可按当年考核办法修改}
  good: {value: 80, title: 良好线（分）, source: 县热线办默认值，可按当年考核办法修改}
  pass: {value: 60, title: 合格线（分）, source: 县热线办默认值，可按当年考核办法修改}
  least_tickets: {value: 5, title: 分档至少要有的转办件数, source: 县热线办默认值，可按当年考核办法修改}
  satisfaction_floor: {value: 85, title: 满意率底线（%）, source: 大英县 2016、2017 年通报的市里底线}
  response_floor: {value: 92, title: 响应率底线（%）, source: 大英县 2016、2017 年通报的回复率底线}
--- */
WITH tiered AS (
  SELECT
    dispatched_month,
    main_dept_code,
    department,
    tickets,
    response_pct,
    solved_pct,
    satisfaction_pct,
    composite_simulated,
    CASE
      WHEN tickets < :least_tickets OR composite_simulated IS NULL THEN NULL
      WHEN composite_simulated >= :excellent THEN '优秀'
      WHEN composite_simulated >= :good THEN '良好'
      WHEN composite_simulated >= :pass THEN '合格'
      ELSE '待改进'
    END AS tier,
    COALESCE(satisfaction_pct < :satisfaction_floor, FALSE) OR COALESCE(response_pct < :response_floor, FALSE) AS below_floor
  FROM hotline_three_rates_by_department
)
SELECT
  dispatched_month,                                                    -- 转办月份
  main_dept_code,                                                      -- 主办单位编码
  department,                                                          -- 主办单位
  COALESCE(tier, '不分档') AS tier,                                      -- 档次（模拟）
  CASE
    WHEN tier IS NOT NULL
      THEN RANK() OVER (PARTITION BY dispatched_month, tier ORDER BY composite_simulated DESC)
  END AS place,                                                        -- 同档位次
  below_floor,                                                         -- 低于底线
  tickets,                                                             -- 转办工单（件）
  response_pct,                                                        -- 响应率（%）
  solved_pct,                                                          -- 解决率（%）
  satisfaction_pct,                                                    -- 满意率（%）
  composite_simulated                                                  -- 三率综合（模拟）
FROM tiered
