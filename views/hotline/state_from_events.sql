/* ---
title: 12345 热线工单状态（按流转重建）
question: 从流转看，每张工单现在到了哪一步，钟归谁走、从何时走，退过几次、重办过几次、停过多久，与工单上写的状态一致吗？
grain: 每行一张有流转的工单
owner: 县热线办
definition:
  state: 改变状态的最后一个环节之后的状态；环节按发生时间、序号、办理次序排，同一时刻同一单位同一环节的只算一次，到得先后不影响
  charged_from: 承办单位的钟从哪一次派单走起：退单改派给别的单位另起，派回原单位的接着走
  closed_at: 最后一次结案；之后又重办、没有再结案的为空
  paused_minutes: 各次挂起到恢复（没有恢复的到结案、重办、改派，再没有的到数据日终）的分钟数之和
  agrees: 与工单上写的状态一致，已归档与已办结算一致；没有工单的为空；同一编号由两处报来的看最早记录的那份
refresh:
  of: hotline_ticket_event
  by: {ticket_no: ticket_no}
  join: {hotline_ticket: ticket_no, hotline_told_twice: ticket_no}
--- */
WITH placed AS (
  SELECT
    event_id,
    ticket_no,
    seq,
    event_at,
    dept_code,
    step,
    to_status,
    CASE step
      WHEN '记录' THEN 1 WHEN '受理' THEN 2 WHEN '预审' THEN 3 WHEN '派单' THEN 4 WHEN '改派' THEN 5 WHEN '加派' THEN 6
      WHEN '签收' THEN 7 WHEN '退单' THEN 8 WHEN '办理' THEN 9 WHEN '督办' THEN 10 WHEN '挂起' THEN 11 WHEN '恢复' THEN 12
      WHEN '延期申请' THEN 13 WHEN '延期批复' THEN 14 WHEN '答复' THEN 15 WHEN '审核' THEN 16 WHEN '回访' THEN 17
      WHEN '重办' THEN 18 WHEN '结案' THEN 19 WHEN '归档' THEN 20 ELSE 21
    END AS place,
    ROW_NUMBER() OVER (PARTITION BY ticket_no, event_at, step, to_status, dept_code ORDER BY seq, event_id) AS copy_no
  FROM hotline_ticket_event
  WHERE event_at < :as_of + INTERVAL '1' DAY AND ticket_no IS NOT NULL
),
numbered AS (
  SELECT
    ticket_no,
    event_at,
    dept_code,
    step,
    COALESCE(step IN ('派单', '改派'), FALSE) AS dispatches,
    COALESCE(to_status, CASE step
      WHEN '记录' THEN 'recorded' WHEN '受理' THEN 'accepted' WHEN '派单' THEN 'dispatched' WHEN '改派' THEN 'dispatched'
      WHEN '签收' THEN 'signed' WHEN '退单' THEN 'returned' WHEN '办理' THEN 'handling' WHEN '延期申请' THEN 'extension_requested'
      WHEN '延期批复' THEN 'extended' WHEN '答复' THEN 'replied' WHEN '回访' THEN 'called_back' WHEN '重办' THEN 'reopened'
      WHEN '结案' THEN 'closed' WHEN '归档' THEN 'archived'
    END) AS state,
    ROW_NUMBER() OVER (PARTITION BY ticket_no ORDER BY event_at, seq, place, event_id) AS n
  FROM placed
  WHERE copy_no = 1
),
followed AS (
  SELECT
    ticket_no,
    event_at,
    dept_code,
    step,
    state,
    n,
    dispatches,
    -- What ends a pause: the next step that moves the ticket on.
    MIN(CASE WHEN step IN ('恢复', '结案', '重办', '改派') THEN event_at END) OVER (
      PARTITION BY ticket_no ORDER BY n ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS resumed_at,
    MAX(CASE WHEN state IS NOT NULL THEN n END) OVER (PARTITION BY ticket_no) AS last_n,
    MAX(CASE WHEN dispatches THEN n END) OVER (PARTITION BY ticket_no) AS last_dispatch_n,
    LAG(dept_code) OVER (PARTITION BY ticket_no, dispatches ORDER BY n) AS dept_before
  FROM numbered
),
gathered AS (
  SELECT
    ticket_no,
    COUNT(*) AS steps,
    MAX(CASE WHEN n = last_n THEN state END) AS state,
    MAX(CASE WHEN n = last_dispatch_n THEN dept_code END) AS dept_code,
    MIN(CASE WHEN dispatches THEN event_at END) AS dispatched_at,
    MAX(CASE WHEN dispatches AND (dept_before IS NULL OR dept_before <> dept_code) THEN event_at END) AS charged_from,
    MIN(CASE WHEN step = '记录' THEN event_at END) AS recorded_at,
    MIN(CASE WHEN step = '签收' THEN event_at END) AS signed_at,
    MIN(CASE WHEN step = '答复' THEN event_at END) AS replied_at,
    MAX(CASE WHEN step = '结案' THEN event_at END) AS closed_at,
    MAX(CASE WHEN step = '结案' THEN n END) AS closed_n,
    MAX(CASE WHEN step = '重办' THEN n END) AS reopened_n,
    COUNT(*) FILTER (WHERE step = '退单') AS returns,
    COUNT(*) FILTER (WHERE step = '重办') AS redos,
    COUNT(*) FILTER (WHERE step = '延期批复') AS extensions,
    COUNT(*) FILTER (WHERE step = '督办') AS supervisions,
    SUM(CASE WHEN step = '挂起'
      THEN EXTRACT(EPOCH FROM COALESCE(resumed_at, :as_of + INTERVAL '1' DAY)) - EXTRACT(EPOCH FROM event_at) END) AS paused_seconds
  FROM followed
  GROUP BY ticket_no
),
written AS (
  SELECT
    t.ticket_no,
    t.status
  FROM hotline_ticket AS t
  LEFT JOIN hotline_told_twice AS copy ON copy.ticket_no = t.ticket_no AND copy.source_system IS NOT DISTINCT FROM t.source_system
  WHERE copy.ticket_no IS NULL
)
SELECT
  g.ticket_no,                                                         -- 工单编号
  g.state,                                                             -- 状态代码
  COALESCE(status.name, g.state) AS state_name,                        -- 状态
  g.steps,                                                             -- 环节数
  COALESCE(dept.answering_code, g.dept_code) AS dept_code,             -- 承办单位编码
  COALESCE(dept.answering_name, g.dept_code, '未指定') AS department,  -- 承办单位
  g.recorded_at,                                                       -- 第一时间记录
  g.dispatched_at,                                               -- 第一时间转办
  g.charged_from,                                                -- 计时起点
  g.signed_at,                                                         -- 首次签收
  g.replied_at,                                                        -- 首次答复
  CASE WHEN g.closed_n > COALESCE(g.reopened_n, 0) THEN g.closed_at END AS closed_at, -- 办结时间
  g.returns,                                                           -- 退单（次）
  g.redos,                                                             -- 重办（次）
  g.extensions,                                                        -- 延期（次）
  g.supervisions,                                                      -- 督办（次）
  CAST(FLOOR(COALESCE(g.paused_seconds, 0) / 60.0) AS BIGINT) AS paused_minutes, -- 挂起（分钟）
  t.status AS told_status,                                             -- 工单上写的状态
  CASE WHEN t.ticket_no IS NOT NULL THEN COALESCE(CASE t.status WHEN 'archived' THEN 'closed' ELSE t.status END = CASE g.state WHEN 'archived' THEN 'closed' ELSE g.state END, FALSE) END AS agrees -- 与工单一致
FROM gathered AS g
LEFT JOIN written AS t ON t.ticket_no = g.ticket_no
LEFT JOIN department_period AS dept
  ON dept.dept_code = g.dept_code AND dept.from_on <= COALESCE(CASE WHEN g.closed_n > COALESCE(g.reopened_n, 0) THEN CAST(g.closed_at AS DATE) END, :as_of) AND COALESCE(CASE WHEN g.closed_n > COALESCE(g.reopened_n, 0) THEN CAST(g.closed_at AS DATE) END, :as_of) < dept.to_on
LEFT JOIN code_value AS status
  ON status.code_set = 'hotline_status' AND status.code = g.state
