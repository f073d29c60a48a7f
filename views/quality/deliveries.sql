/* ---
title: 各连接器最近一批数据
question: 各单位的数据最近一次什么时候到，来了多少，通过多少，变了多少？
grain: 每行一个连接器最近的一批（内容与以前相同而跳过的不算）
owner: 县营商环境建设局
definition:
  status: 已入库，或整批暂停（整批规则没有通过，等人处理）
  passed_pct: 通过 ÷ 抽取 × 100；修复后通过的也算通过
  batches: 该连接器至今的批次数，暂停的也算
--- */
WITH numbered AS (
  SELECT
    connector,
    title,
    dataset,
    provider_dept_code,
    batch_id,
    delivery,
    status,
    extracted_at,
    committed_at,
    extracted,
    passed,
    quarantined,
    repaired,
    new_rows,
    changed_rows,
    unchanged_rows,
    closed_rows,
    ROW_NUMBER() OVER (PARTITION BY connector ORDER BY committed_at DESC, batch_id DESC) AS from_last,
    COUNT(*) OVER (PARTITION BY connector) AS batches
  FROM batch
  WHERE status <> 'skipped' AND COALESCE(kind, '') <> 'correction'
)
SELECT
  numbered.connector,                                                  -- 连接器
  numbered.title,                                                      -- 连接器名称
  numbered.dataset,                                                    -- 数据集
  numbered.provider_dept_code,                                         -- 提供部门编码
  COALESCE(dept.short_name, numbered.provider_dept_code) AS department, -- 提供部门
  numbered.batch_id,                                                   -- 批次
  numbered.delivery,                                                   -- 交付件
  CASE numbered.status WHEN 'committed' THEN '已入库' WHEN 'held' THEN '整批暂停' ELSE numbered.status END
    AS status,                                                         -- 批次状态
  numbered.extracted_at,                                               -- 抽取时间
  numbered.committed_at,                                               -- 入库时间
  numbered.extracted,                                                  -- 抽取（行）
  numbered.passed,                                                     -- 通过（行）
  numbered.repaired,                                                   -- 其中修复（行）
  numbered.quarantined,                                                -- 隔离（行）
  CAST(ROUND(100.0 * numbered.passed / NULLIF(numbered.extracted, 0), 2)
    AS NUMERIC(5, 2)) AS passed_pct,                                   -- 通过率（%）
  numbered.new_rows,                                                   -- 新增（行）
  numbered.changed_rows,                                               -- 更新（行）
  numbered.unchanged_rows,                                             -- 未变（行）
  numbered.closed_rows,                                                -- 关闭（行）
  numbered.batches                                                     -- 累计批次
FROM numbered
LEFT JOIN department AS dept ON dept.dept_code = numbered.provider_dept_code
WHERE numbered.from_last = 1
