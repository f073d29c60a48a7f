/* ---
title: 各连接器最近一批数据
question: 各单位的数据最近一次什么时候到，来了多少，通过多少，变了多少？
grain: 每行一个连接器最近入库的一批
owner: 县营商环境建设局
definition:
  passed_pct: 通过 ÷ 抽取 × 100；修复后通过的也算通过
--- */
WITH numbered AS (
  SELECT
    connector,
    dataset,
    provider_dept_code,
    batch_id,
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
    status,
    ROW_NUMBER() OVER (PARTITION BY connector ORDER BY committed_at DESC, batch_id DESC) AS from_last,
    COUNT(*) OVER (PARTITION BY connector) AS batches
  FROM batch
  WHERE committed_at IS NOT NULL
)
SELECT
  numbered.connector,                                                  -- 连接器
  numbered.dataset,                                                    -- 数据集
  numbered.provider_dept_code,                                         -- 提供部门编码
  COALESCE(dept.short_name, numbered.provider_dept_code) AS department, -- 提供部门
  numbered.batch_id,                                                   -- 批次
  numbered.status,                                                     -- 批次状态
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
