/* ---
title: 12345 热线多人同诉（近 30 天）
question: 近 30 天许多人反映的同一类事，主单是哪张，还有哪些工单，归谁办？
grain: 每行一张属于多人同诉的工单；一个人反复打的见重复诉求
owner: 县热线办
definition:
  tickets: 同一上级工单号的第二张起、同一编号由两处报来的第二份不算
  root_ticket_no: 同一分类、同一乡镇里窗口内最早的工单；热线平台已并单的以平台为准，见 merged_into
  callers: 窗口内不同诉求人数，没有诉求人指纹的不算
parameters:
  window_days: {value: 30, title: 统计天数, source: 县热线办默认值，可按当年考核办法修改}
  least_callers: {value: 3, title: 多人：不同诉求人不少于, source: 县热线办默认值，可按当年考核办法修改}
  least_tickets: {value: 5, title: 多人：工单不少于, source: 县热线办默认值，可按当年考核办法修改}
--- */
WITH recent AS (
  SELECT
    t.ticket_no,
    t.root_ticket_no AS merged_into,
    t.category_code,
    t.town_code,
    t.caller_hash,
    t.main_dept_code,
    t.recorded_at,
    t.closed_at
  FROM hotline_ticket AS t
  LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
  LEFT JOIN hotline_told_twice AS copy ON copy.ticket_no = t.ticket_no AND copy.source_system IS NOT DISTINCT FROM t.source_system
  WHERE t.recorded_at < :as_of + INTERVAL '1' DAY
    AND t.recorded_at >= :as_of + INTERVAL '1' DAY - :window_days * INTERVAL '1' DAY
    AND t.category_code IS NOT NULL
    AND again.ticket_no IS NULL
    AND copy.ticket_no IS NULL
),
crowd AS (
  SELECT
    category_code,
    town_code,
    COUNT(*) AS tickets,
    COUNT(DISTINCT caller_hash) AS callers
  FROM recent
  GROUP BY category_code, town_code
),
placed AS (
  SELECT
    r.ticket_no,
    r.merged_into,
    r.category_code,
    r.town_code,
    r.main_dept_code,
    r.recorded_at,
    r.closed_at,
    c.tickets,
    c.callers,
    FIRST_VALUE(r.ticket_no) OVER (PARTITION BY r.category_code, r.town_code ORDER BY r.recorded_at, r.ticket_no) AS root_ticket_no,
    ROW_NUMBER() OVER (PARTITION BY r.category_code, r.town_code ORDER BY r.recorded_at, r.ticket_no) AS place
  FROM recent AS r
  JOIN crowd AS c
    ON c.category_code = r.category_code AND c.town_code IS NOT DISTINCT FROM r.town_code
  WHERE c.callers >= :least_callers AND c.tickets >= :least_tickets
)
SELECT
  placed.root_ticket_no,                                               -- 主单编号
  placed.ticket_no,                                                    -- 工单编号
  placed.place,                                                        -- 第几张
  placed.merged_into,                                                  -- 热线平台已并入的主单
  placed.category_code,                                                -- 问题分类编码
  category.name AS category,                                           -- 问题分类
  placed.town_code,                                                    -- 乡镇编码
  town.name AS town,                                                   -- 乡镇
  placed.main_dept_code,                                               -- 主办单位编码
  COALESCE(dept.short_name, placed.main_dept_code, '未指定') AS department, -- 主办单位
  placed.tickets,                                                      -- 这一类共几件
  placed.callers,                                                      -- 诉求人（人）
  placed.recorded_at,                                                  -- 记录时间
  placed.closed_at                                                     -- 办结时间
FROM placed
LEFT JOIN code_value AS category
  ON category.code_set = 'hotline_category' AND category.code = placed.category_code
LEFT JOIN code_value AS town
  ON town.code_set = 'town' AND town.code = placed.town_code
LEFT JOIN department_period AS dept
  ON dept.dept_code = placed.main_dept_code AND dept.from_on <= COALESCE(CAST(placed.recorded_at AS DATE), :as_of) AND COALESCE(CAST(placed.recorded_at AS DATE), :as_of) < dept.to_on
