/* ---
title: 12345 热线诉求量（按月份、分类、乡镇）
question: 各月各类问题在各乡镇各有多少件、多少人反映？
grain: 每行一个记录月份的一个问题分类与乡镇的组合；没有分类或乡镇的各成一组
owner: 县热线办
definition:
  tickets: 该月记录的工单，并入主单的也算（反映次数），同一上级工单号的第二张起不算
  callers: 其中不同诉求人数；没有诉求人指纹的不算人数
refresh:
  of: hotline_ticket_fact
  by: {recorded_month: recorded_month, category_code: category_code, town_code: town_code}
  join: {hotline_ticket: ticket_no}
--- */
SELECT
  f.recorded_month,                                                    -- 记录月份
  f.category_code,                                                     -- 问题分类编码
  f.town_code,                                                         -- 乡镇编码
  COUNT(*) AS tickets,                                                 -- 工单（件）
  COUNT(DISTINCT t.caller_hash) AS callers,                            -- 诉求人（人）
  COUNT(*) FILTER (WHERE f.is_enterprise) AS enterprise_tickets,       -- 涉企（件）
  COUNT(*) FILTER (WHERE f.still_open) AS still_open                   -- 未办结（件）
FROM hotline_ticket_fact AS f
JOIN hotline_ticket AS t ON t.ticket_no = f.ticket_no AND t.source_system IS NOT DISTINCT FROM f.source_system
WHERE f.recorded_month IS NOT NULL
GROUP BY f.recorded_month, f.category_code, f.town_code
