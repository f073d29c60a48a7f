/* ---
title: 超期未销号的整改问题
question: 哪些问题过了时限还没销号，谁负责，超了几天？
grain: 每行一个超期未销号的问题
owner: 县营商环境建设局
definition:
  progress_pct: 单位填报的整改进度，0 至 100
  days_overdue: 数据日（已申请销号的按申请日）超过整改时限的天数
--- */
SELECT
  problem_no,                                                          -- 问题编号
  category,                                                            -- 类别
  title,                                                               -- 问题
  lead_dept_code,                                                      -- 牵头单位编码
  lead_department,                                                     -- 牵头单位
  responsible_leader,                                                  -- 责任领导
  responsible_person,                                                  -- 责任人
  due_on,                                                              -- 整改时限
  due_text,                                                            -- 原始时限文字
  days_overdue,                                                        -- 超期天数
  progress_pct,                                                        -- 进度（%）
  status,                                                              -- 状态代码
  status_name                                                          -- 状态
FROM rectification_ledger
WHERE NOT is_closed AND NOT is_long_term AND days_overdue > 0
