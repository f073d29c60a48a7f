/* ---
title: 12345 热线高频问题（近 30 天）
question: 近 30 天哪个乡镇的哪类问题被许多人反复反映，比前 30 天多了还是少了？
grain: 每行一个问题分类与乡镇的组合，只列达到高频线的
owner: 县热线办
definition:
  tickets: 数据日往前 30 天（含当日）记录的工单，并入主单的也算（反映次数），同一上级工单号的第二张起、同一编号由两处报来的第二份不算
  callers: 其中不同诉求人数；没有诉求人指纹的不算人数
  tickets_before: 再往前 30 天的工单
  rise_pct: （本期 − 上期）÷ 上期 × 100；上期没有时为空
parameters:
  window_days: {value: 30, title: 统计天数, source: 县热线办默认值，可按当年考核办法修改}
  least_callers: {value: 3, title: 高频线：不同诉求人不少于, source: 县热线办默认值，可按当年考核办法修改}
  least_tickets: {value: 5, title: 高频线：工单不少于, source: 县热线办默认值，可按当年考核办法修改}
--- */
WITH recent AS (
  SELECT
    t.category_code,
    t.town_code,
    t.caller_hash,
    t.recorded_at,
    t.closed_at,
    t.recorded_at >= :as_of + INTERVAL '1' DAY - :window_days * INTERVAL '1' DAY AS this_period
  FROM hotline_ticket AS t
  LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
  LEFT JOIN hotline_told_twice AS copy ON copy.ticket_no = t.ticket_no AND copy.source_system IS NOT DISTINCT FROM t.source_system
  WHERE t.recorded_at < :as_of + INTERVAL '1' DAY
    AND t.recorded_at >= :as_of + INTERVAL '1' DAY - 2 * :window_days * INTERVAL '1' DAY
    AND t.category_code IS NOT NULL
    AND again.ticket_no IS NULL
    AND copy.ticket_no IS NULL
),
counted AS (
  SELECT
    category_code,
    town_code,
    COUNT(*) FILTER (WHERE this_period) AS tickets,
    COUNT(DISTINCT CASE WHEN this_period THEN caller_hash END) AS callers,
    COUNT(*) FILTER (WHERE this_period AND (closed_at IS NULL OR closed_at >= :as_of + INTERVAL '1' DAY))
      AS still_open,
    COUNT(*) FILTER (WHERE NOT this_period) AS tickets_before,
    MIN(CASE WHEN this_period THEN recorded_at END) AS first_at,
    MAX(CASE WHEN this_period THEN recorded_at END) AS last_at
  FROM recent
  GROUP BY category_code, town_code
)
SELECT
  counted.category_code,                                               -- 问题分类编码
  category.name AS category,                                           -- 问题分类
  counted.town_code,                                                   -- 乡镇编码
  town.name AS town,                                                   -- 乡镇
  counted.tickets,                                                     -- 工单（件）
  counted.callers,                                                     -- 诉求人（人）
  counted.still_open,                                                  -- 未办结（件）
  counted.tickets_before,                                              -- 上期工单（件）
  CAST(ROUND(100.0 * (counted.tickets - counted.tickets_before) / NULLIF(counted.tickets_before, 0), 1)
    AS NUMERIC(9, 1)) AS rise_pct,                                     -- 比上期增减（%）
  counted.first_at,                                                    -- 本期首次反映
  counted.last_at                                                      -- 本期最近反映
FROM counted
LEFT JOIN code_value AS category
  ON category.code_set = 'hotline_category' AND category.code = counted.category_code
LEFT JOIN code_value AS town
  ON town.code_set = 'town' AND town.code = counted.town_code
WHERE counted.callers >= :least_callers AND counted.tickets >= :least_tickets
