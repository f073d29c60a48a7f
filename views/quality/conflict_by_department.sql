/* ---
title: 一数一源的冲突（按数源部门）
question: 哪个数源部门手上有多少件说法不一致，搁了多久，都怎么了结的？
grain: 每行一个数源部门和一个字段组；撤并了的数源部门，未了结的归承接机构
owner: 县营商环境建设局
definition:
  open: 截至日已立件、还没有了结的
  overdue: 其中过了期限（《政务数据共享条例》第二十六条，十个工作日）的
  agreed: 来源改成一致而了结的
  withdrawn: 有一方撤回了那一行、那一组值而了结的
  kept: 裁定维持数源部门的值
  overruled: 裁定改用别的值
  moved: 来源换了一种说法，另立了一件
  regrouped: 主体合并或拆开，那个说法已归另一个主体
--- */
SELECT
  c.owner,                                                             -- 数源部门编号
  c.owner_department AS department,                                    -- 数源部门
  c.field_group,                                                       -- 字段组
  SUM(CASE WHEN c.closed_on IS NULL THEN 1 ELSE 0 END) AS open,        -- 未了结（件）
  SUM(CASE WHEN c.closed_on IS NULL AND c.due_on < CAST(:as_of AS DATE) THEN 1 ELSE 0 END)
    AS overdue,                                                        -- 超期（件）
  SUM(CASE WHEN c.closed_on IS NULL AND c.opened_on >= CAST(:as_of AS DATE) - INTERVAL '10' DAY THEN 1 ELSE 0 END)
    AS open_to_10_days,                                                -- 未了结：立件十天以内（件）
  SUM(CASE WHEN c.closed_on IS NULL AND c.opened_on < CAST(:as_of AS DATE) - INTERVAL '10' DAY
        AND c.opened_on >= CAST(:as_of AS DATE) - INTERVAL '30' DAY THEN 1 ELSE 0 END)
    AS open_to_30_days,                                                -- 未了结：十一到三十天（件）
  SUM(CASE WHEN c.closed_on IS NULL AND c.opened_on < CAST(:as_of AS DATE) - INTERVAL '30' DAY THEN 1 ELSE 0 END)
    AS open_over_30_days,                                              -- 未了结：三十天以上（件）
  MIN(CASE WHEN c.closed_on IS NULL THEN c.opened_on END) AS oldest_open_on,  -- 未了结的最早立件日
  SUM(CASE WHEN c.outcome = 'agreed' THEN 1 ELSE 0 END) AS agreed,     -- 已一致（件）
  SUM(CASE WHEN c.outcome = 'withdrawn' THEN 1 ELSE 0 END) AS withdrawn,  -- 有一方已撤回（件）
  SUM(CASE WHEN c.outcome = 'kept' THEN 1 ELSE 0 END) AS kept,         -- 维持数源部门的值（件）
  SUM(CASE WHEN c.outcome = 'overruled' THEN 1 ELSE 0 END) AS overruled,  -- 改用裁定的值（件）
  SUM(CASE WHEN c.outcome = 'moved' THEN 1 ELSE 0 END) AS moved,       -- 来源的说法已变（件）
  SUM(CASE WHEN c.outcome = 'regrouped' THEN 1 ELSE 0 END) AS regrouped  -- 主体已合并或拆开（件）
FROM (
  SELECT
    COALESCE(successor.dept_id, f.owner) AS owner,
    COALESCE(successor.short_name, f.owner_department) AS owner_department,
    f.field_group,
    f.due_on,
    CAST(f.opened_at AS DATE) AS opened_on,
    CASE WHEN CAST(f.closed_at AS DATE) <= CAST(:as_of AS DATE) THEN CAST(f.closed_at AS DATE) END AS closed_on,
    CASE WHEN CAST(f.closed_at AS DATE) <= CAST(:as_of AS DATE) THEN f.outcome END AS outcome
  FROM enterprise_conflict AS f
  LEFT JOIN department AS body ON body.dept_id = f.owner
  LEFT JOIN department_period AS dept
    ON dept.dept_code = body.dept_code
    AND dept.from_on <= LEAST(COALESCE(CAST(f.closed_at AS DATE), CAST(:as_of AS DATE)), CAST(:as_of AS DATE))
    AND LEAST(COALESCE(CAST(f.closed_at AS DATE), CAST(:as_of AS DATE)), CAST(:as_of AS DATE)) < dept.to_on
  LEFT JOIN department AS successor ON successor.dept_code = dept.answering_code AND successor.dept_code <> body.dept_code
  WHERE CAST(f.opened_at AS DATE) <= CAST(:as_of AS DATE)
) AS c
GROUP BY c.owner, c.owner_department, c.field_group
