/* ---
title: 12345 热线诉求量（按月份、分类、乡镇）
question: 各月各类问题在各乡镇各有多少件、多少人反映？
grain: 每行一个记录月份的一个问题分类与乡镇的组合；没有分类或乡镇的各成一组
owner: 县热线办
definition:
  tickets: 该月记录的工单，并入主单的也算（反映次数），同一上级工单号的第二张起不算
  callers: 其中不同诉求人数；没有诉求人指纹的不算人数
refresh:
  of: hotline_ticket
  by: {recorded_month: "CAST(DATE_TRUNC('month', recorded_at) AS DATE)", category_code: category_code, town_code: town_code}
  near: recorded_at
  join: {hotline_upstream_duplicate: ticket_no}
--- */
SELECT
  CAST(DATE_TRUNC('month', t.recorded_at) AS DATE) AS recorded_month,  -- 记录月份
  t.category_code,                                                     -- 问题分类编码
  t.town_code,                                                         -- 乡镇编码
  COUNT(*) AS tickets,                                                 -- 工单（件）
  COUNT(DISTINCT t.caller_hash) AS callers,                            -- 诉求人（人）
  COUNT(*) FILTER (WHERE t.is_enterprise) AS enterprise_tickets,       -- 涉企（件）
  COUNT(*) FILTER (WHERE t.closed_at IS NULL OR t.closed_at >= :as_of + INTERVAL '1' DAY) AS still_open -- 未办结（件）
FROM hotline_ticket AS t
LEFT JOIN hotline_upstream_duplicate AS again ON again.ticket_no = t.ticket_no
WHERE t.recorded_at < :as_of + INTERVAL '1' DAY AND again.ticket_no IS NULL
GROUP BY CAST(DATE_TRUNC('month', t.recorded_at) AS DATE), t.category_code, t.town_code
