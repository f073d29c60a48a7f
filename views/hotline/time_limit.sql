/* ---
title: 12345 热线的时限，各在哪一段日子里有效
question: 某一天转办的工单，签收、联系、答复、办结各有多久，依据哪条规则？
grain: 每行一个时限的一段有效期
owner: 县热线办
definition:
  clock: 签收、联系、回复、办结，规则编号依次为 hotline.sign、hotline.contact、hotline.answer、hotline.close；改时限另立一条同事项、同地区的规则，写施行日期，新的一条从那天起代替旧的
  from_on: 施行日期；没有写明的从有记载起
  to_on: 这一天起不再有效；没有写明废止、也没有下一条的为 9999-12-31
  seconds: 按小时、分钟、自然日连续计的时限合多少秒；按工作日的为空
  workdays: 按工作日计的时限；其余为空
--- */
WITH root AS (
  SELECT
    rule_id,
    item,
    region,
    CASE rule_id
      WHEN 'hotline.sign' THEN '签收'
      WHEN 'hotline.contact' THEN '联系'
      WHEN 'hotline.answer' THEN '回复'
      WHEN 'hotline.close' THEN '办结'
    END AS clock
  FROM deadline_rule
  WHERE rule_id IN ('hotline.sign', 'hotline.contact', 'hotline.answer', 'hotline.close')
),
version AS (
  SELECT
    root.clock,
    r.rule_id,
    r.item,
    r.clock_unit,
    r.days,
    r.legal_basis,
    r.effective_to,
    COALESCE(r.effective_from, CAST('1900-01-01' AS DATE)) AS from_on,
    LEAD(COALESCE(r.effective_from, CAST('1900-01-01' AS DATE))) OVER (
      PARTITION BY root.clock ORDER BY COALESCE(r.effective_from, CAST('1900-01-01' AS DATE)), r.rule_id
    ) AS next_on
  FROM root
  JOIN deadline_rule AS r
    ON r.rule_id = root.rule_id OR (r.item = root.item AND r.region IS NOT DISTINCT FROM root.region)
),
ended AS (
  SELECT
    clock,
    rule_id,
    item,
    clock_unit,
    days,
    legal_basis,
    from_on,
    CASE
      WHEN effective_to IS NOT NULL AND (next_on IS NULL OR effective_to < next_on) THEN effective_to
      ELSE COALESCE(next_on, CAST('9999-12-31' AS DATE))
    END AS to_on
  FROM version
)
SELECT
  clock,                                                               -- 哪个时限
  from_on,                                                             -- 起
  to_on,                                                               -- 止（不含）
  rule_id,                                                             -- 规则编号
  item,                                                                -- 事项
  clock_unit,                                                          -- 计时单位
  days,                                                                -- 时限
  CASE clock_unit WHEN 'hour' THEN 3600 WHEN 'minute' THEN 60 WHEN 'day' THEN 86400 END * days AS seconds, -- 合秒
  CASE clock_unit WHEN 'workday' THEN days END AS workdays,            -- 合工作日
  legal_basis                                                          -- 法律依据
FROM ended
WHERE from_on < to_on
