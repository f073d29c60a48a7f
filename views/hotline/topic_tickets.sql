/* ---
title: 12345 热线热点问题的工单（近 30 天）
question: 这个热点问题是哪些工单说的，什么时候，归谁办？
grain: 每行一张属于热点问题的工单
owner: 县热线办
definition:
  topic_id: 题号各次沿用，哪些算热点问题见“热点问题”；同一上级工单号的第二张起、同一编号由两处报来的第二份不算
parameters:
  window_days: {value: 30, title: 统计天数, source: 县热线办默认值，可按当年考核办法修改}
--- */
SELECT
  listed.topic_id,                                                     -- 题号
  listed.title AS topic,                                               -- 问题
  t.ticket_no,                                                         -- 工单编号
  t.ticket_no = listed.representative_ticket_no AS is_representative,  -- 代表工单
  t.title,                                                             -- 标题
  t.recorded_at,                                                       -- 记录时间
  t.closed_at,                                                         -- 办结时间
  t.category_code,                                                     -- 问题分类编码
  category.name AS category,                                           -- 问题分类
  t.town_code,                                                         -- 乡镇编码
  town.name AS town,                                                   -- 乡镇
  t.main_dept_code,                                                    -- 主办单位编码
  COALESCE(dept.short_name, t.main_dept_code) AS department            -- 主办单位
FROM hotline_topics AS listed
INNER JOIN hotline_topic_ticket AS member ON member.topic_id = listed.topic_id
INNER JOIN hotline_ticket AS t ON t.ticket_no = member.ticket_no
LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
LEFT JOIN hotline_told_twice AS copy ON copy.ticket_no = t.ticket_no AND copy.source_system IS NOT DISTINCT FROM t.source_system
LEFT JOIN code_value AS category ON category.code_set = 'hotline_category' AND category.code = t.category_code
LEFT JOIN code_value AS town ON town.code_set = 'town' AND town.code = t.town_code
LEFT JOIN department_period AS dept
  ON dept.dept_code = t.main_dept_code AND dept.from_on <= COALESCE(CAST(t.recorded_at AS DATE), :as_of) AND COALESCE(CAST(t.recorded_at AS DATE), :as_of) < dept.to_on
WHERE t.recorded_at < :as_of + INTERVAL '1' DAY
  AND t.recorded_at >= :as_of + INTERVAL '1' DAY - :window_days * INTERVAL '1' DAY
  AND again.ticket_no IS NULL
  AND copy.ticket_no IS NULL
