/* ---
title: 12345 热线重复诉求
question: 哪些诉求人就同一件事又打来了，第几次，首张工单是哪张，归谁办？
grain: 每行一张重复工单（首张不列）
owner: 县热线办
definition:
  repeat_no: 同一诉求人、同一分类、同一乡镇，在此前工单未办结时或办结后 30 天内再次来电为重复；首张之后依次为 1、2、…；同一上级工单号的第二张起、同一编号由两处报来的第二份不算
  root_ticket_no: 同一串重复诉求中最早的工单
parameters:
  window_days: {value: 30, title: 办结后多少天内再来算重复, source: 县热线办默认值，可按当年考核办法修改}
refresh:
  of: hotline_ticket
  by: {ticket_no: ticket_no}
  join: {hotline_upstream_duplicate: ticket_no, hotline_told_twice: ticket_no}
  spread: [caller_hash, category_code, town_code]
--- */
WITH ordered AS (
  SELECT
    t.ticket_no,
    t.root_ticket_no AS merged_into,
    t.caller_hash,
    t.category_code,
    t.town_code,
    t.main_dept_code,
    t.recorded_at,
    t.closed_at,
    -- The latest close of all earlier tickets of this caller and matter; an open one counts as closing at the end of time.
    MAX(COALESCE(t.closed_at, CAST('9999-12-31' AS TIMESTAMP))) OVER (
      PARTITION BY t.caller_hash, t.category_code, t.town_code
      ORDER BY t.recorded_at, t.ticket_no
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS earlier_closed_at
  FROM hotline_ticket AS t
  LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
  LEFT JOIN hotline_told_twice AS copy ON copy.ticket_no = t.ticket_no AND copy.source_system IS NOT DISTINCT FROM t.source_system
  WHERE t.caller_hash IS NOT NULL
    AND t.category_code IS NOT NULL
    AND t.recorded_at < :as_of + INTERVAL '1' DAY
    AND again.ticket_no IS NULL
    AND copy.ticket_no IS NULL
),
marked AS (
  SELECT
    ticket_no,
    merged_into,
    caller_hash,
    category_code,
    town_code,
    main_dept_code,
    recorded_at,
    closed_at,
    CASE
      WHEN EXTRACT(EPOCH FROM recorded_at) - EXTRACT(EPOCH FROM earlier_closed_at) <= 86400 * :window_days THEN 0
      ELSE 1
    END AS starts
  FROM ordered
),
chained AS (
  SELECT
    ticket_no,
    merged_into,
    caller_hash,
    category_code,
    town_code,
    main_dept_code,
    recorded_at,
    closed_at,
    SUM(starts) OVER (
      PARTITION BY caller_hash, category_code, town_code
      ORDER BY recorded_at, ticket_no
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS chain
  FROM marked
),
numbered AS (
  SELECT
    ticket_no,
    merged_into,
    category_code,
    town_code,
    main_dept_code,
    recorded_at,
    closed_at,
    FIRST_VALUE(ticket_no) OVER (
      PARTITION BY caller_hash, category_code, town_code, chain
      ORDER BY recorded_at, ticket_no
    ) AS root_ticket_no,
    ROW_NUMBER() OVER (
      PARTITION BY caller_hash, category_code, town_code, chain
      ORDER BY recorded_at, ticket_no
    ) - 1 AS repeat_no
  FROM chained
)
SELECT
  numbered.ticket_no,                                                  -- 工单编号
  numbered.root_ticket_no,                                             -- 首张工单编号
  numbered.repeat_no,                                                  -- 第几次重复
  numbered.merged_into,                                                -- 热线平台已并入的主单
  numbered.category_code,                                              -- 问题分类编码
  category.name AS category,                                           -- 问题分类
  numbered.town_code,                                                  -- 乡镇编码
  town.name AS town,                                                   -- 乡镇
  numbered.main_dept_code,                                             -- 主办单位编码
  COALESCE(dept.short_name, numbered.main_dept_code, '未指定') AS department, -- 主办单位
  numbered.recorded_at,                                                -- 记录时间
  numbered.closed_at                                                   -- 办结时间
FROM numbered
LEFT JOIN department_period AS dept
  ON dept.dept_code = numbered.main_dept_code AND dept.from_on <= COALESCE(CAST(numbered.recorded_at AS DATE), :as_of) AND COALESCE(CAST(numbered.recorded_at AS DATE), :as_of) < dept.to_on
LEFT JOIN code_value AS category
  ON category.code_set = 'hotline_category' AND category.code = numbered.category_code
LEFT JOIN code_value AS town
  ON town.code_set = 'town' AND town.code = numbered.town_code
WHERE numbered.repeat_no >= 1
