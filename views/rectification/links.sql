/* ---
title: 整改问题与热线、指标的关联
question: 每个问题从哪张工单、哪类多人反映的诉求、哪项指标来，整改以后还有人反映吗，指标动了吗？
grain: 每行一个写明了关联工单或关联指标的整改问题
owner: 县营商环境建设局
definition:
  cluster_root_ticket_no: 关联工单所在的多人同诉（近 30 天）的主单；不在其中的为空
  cluster_tickets: 该多人同诉里的工单数
  repeats: 以关联工单所在一串重复诉求的首张为准，其后重复的次数
  tickets_after_close: 销号之后，同一分类、同一乡镇又记录的工单，至数据日
  indicator_score: 关联指标最近年度的公布得分，多个评价体系的取最低
--- */
WITH linked AS (
  SELECT
    p.problem_no,
    p.related_ticket_no,
    p.related_indicator_code
  FROM rectification_problem AS p
  WHERE p.related_ticket_no IS NOT NULL OR p.related_indicator_code IS NOT NULL
),
root AS (
  SELECT linked.problem_no, COALESCE(again.root_ticket_no, linked.related_ticket_no) AS root_ticket_no
  FROM linked
  LEFT JOIN hotline_repeat_tickets AS again ON again.ticket_no = linked.related_ticket_no
  WHERE linked.related_ticket_no IS NOT NULL
),
repeated AS (
  SELECT root.problem_no, COUNT(again.ticket_no) AS repeats
  FROM root
  LEFT JOIN hotline_repeat_tickets AS again ON again.root_ticket_no = root.root_ticket_no
  GROUP BY root.problem_no
),
after AS (
  SELECT
    linked.problem_no,
    COUNT(*) AS tickets
  FROM linked
  JOIN rectification_ledger AS l ON l.problem_no = linked.problem_no AND l.is_closed
  JOIN hotline_ticket AS origin ON origin.ticket_no = linked.related_ticket_no
  JOIN hotline_ticket AS t
    ON t.category_code = origin.category_code AND t.town_code IS NOT DISTINCT FROM origin.town_code
    AND t.recorded_at > l.closed_at AND t.recorded_at < :as_of + INTERVAL '1' DAY
  GROUP BY linked.problem_no
),
placed AS (
  SELECT
    indicator_code,
    indicator,
    year,
    score,
    below_70,
    ROW_NUMBER() OVER (PARTITION BY indicator_code ORDER BY year DESC, score, scheme_code, period, region_code) AS place
  FROM indicator_comparison
)
SELECT
  linked.problem_no,                                                   -- 问题编号
  l.title,                                                             -- 问题
  l.lead_dept_code,                                                    -- 牵头单位编码
  l.lead_department,                                                   -- 牵头单位
  l.light,                                                             -- 亮灯
  l.is_closed,                                                         -- 已销号
  linked.related_ticket_no,                                            -- 关联工单
  category.name AS category,                                           -- 工单分类
  town.name AS town,                                                   -- 工单乡镇
  crowd.root_ticket_no AS cluster_root_ticket_no,                      -- 多人同诉主单
  crowd.tickets AS cluster_tickets,                                    -- 多人同诉件数
  repeated.repeats,                                                    -- 重复诉求（次）
  COALESCE(after.tickets, 0) AS tickets_after_close,                   -- 销号后又反映（件）
  linked.related_indicator_code,                                       -- 关联指标编码
  placed.indicator,                                                    -- 关联指标
  placed.year AS indicator_year,                                       -- 得分年度
  placed.score AS indicator_score,                                     -- 指标得分
  placed.below_70                                                      -- 不足 70 分
FROM linked
JOIN rectification_ledger AS l ON l.problem_no = linked.problem_no
LEFT JOIN hotline_ticket AS t ON t.ticket_no = linked.related_ticket_no
LEFT JOIN code_value AS category
  ON category.code_set = 'hotline_category' AND category.code = t.category_code
LEFT JOIN code_value AS town
  ON town.code_set = 'town' AND town.code = t.town_code
LEFT JOIN hotline_cluster_tickets AS crowd ON crowd.ticket_no = linked.related_ticket_no
LEFT JOIN repeated ON repeated.problem_no = linked.problem_no
LEFT JOIN after ON after.problem_no = linked.problem_no
LEFT JOIN placed ON placed.indicator_code = linked.related_indicator_code AND placed.place = 1
