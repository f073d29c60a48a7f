"""The 2019 provincial evaluation of the county's business environment, as its evaluators handed it over.

Level 1 is worked out from level 2 (weighted mean over the leaves that have a score), never written down by
hand, so that whoever computes it again finds the same. What the figures tell:

- six of nine stand above the city's and the province's averages: 开办企业, 办理建筑许可, 获得用水, 纳税, 市场监督, 企业信心;
- 获得信贷, 登记财产, 企业信心, 政务服务 have leaves below an average;
- four lead departments have a score below 70: 县金融办, 县自然资源局, 县营商环境建设局 and 县投促局, whose 企业信心
  stands at 69.97, above both averages and below 70 all the same;
- 纳税 has a leaf of exactly 70.00, which is not below 70.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

SCHEME, YEAR, COUNTY_CODE = "PROVINCE_2019", 2019, "510999"


@dataclass(frozen=True)
class Leaf:
    """A level-2 indicator: weight within its parent, the county's score (None: not handed in), the two averages."""

    name: str
    weight: float
    score: float | None
    city: float
    province: float
    method: tuple[str, str, float, float, float] | None = None  # direction, unit, best, worst, raw value
    survey: bool = False


@dataclass(frozen=True)
class Topic:
    """A level-1 indicator: who leads it, its weight in the whole, its published averages, ranks and leaves."""

    code: str
    name: str
    lead: str
    weight: float
    city: float
    province: float
    ranks: tuple[int, int]
    leaves: tuple[Leaf, ...]

    @property
    def coverage(self) -> float:
        """Weight of the leaves with a score over the weight of all."""
        return sum(x.weight for x in self.leaves if x.score is not None) / sum(x.weight for x in self.leaves)

    @property
    def score(self) -> float:
        """Weighted mean over the leaves with a score."""
        have = [x for x in self.leaves if x.score is not None]
        return round(sum(x.weight * x.score for x in have if x.score is not None) / sum(x.weight for x in have), 2)


TOPICS: tuple[Topic, ...] = (
    Topic("A01", "开办企业", "县市场监管局", 12, 80.42, 79.16, (31, 2), (
        Leaf("开办时间", 33.3333, 84.21, 80.10, 78.90, ("lower", "工作日", 0.5, 10, 2)),
        Leaf("开办环节", 33.3333, 75.00, 72.50, 71.80, ("lower", "个", 1, 9, 3)),
        Leaf("开办成本", 33.3334, 96.00, 90.20, 88.60, ("lower", "%", 0, 10, 0.4)),
    )),
    Topic("A02", "办理建筑许可", "县住建局", 12, 74.30, 73.85, (36, 3), (
        Leaf("审批时间", 40, 79.20, 75.10, 74.60, ("lower", "工作日", 30, 130, 50.8)),
        Leaf("审批环节", 30, 76.50, 73.20, 73.90, ("lower", "个", 8, 28, 12.7)),
        Leaf("审批成本", 30, 81.00, 76.40, 75.20, ("lower", "%", 0, 10, 1.9)),
    )),
    Topic("A03", "获得用水", "县供水公司", 9, 77.90, 77.25, (28, 2), (
        Leaf("报装时间", 50, 82.50, 78.10, 77.70, ("lower", "工作日", 2, 22, 5.5)),
        Leaf("报装材料", 25, 80.00, 77.50, 76.90, ("lower", "件", 1, 6, 2)),
        Leaf("报装费用", 25, 79.60, 77.90, 76.70, ("lower", "元", 0, 5000, 1020)),
    )),
    Topic("A04", "纳税", "县税务局", 12, 75.60, 75.10, (33, 2), (
        Leaf("纳税时间", 40, 83.40, 79.20, 78.50, ("lower", "小时", 60, 260, 93.2)),
        Leaf("纳税次数", 30, 78.80, 74.70, 75.30, ("lower", "次", 3, 33, 9.36)),
        Leaf("报税后流程", 30, 70.00, 68.90, 68.40, ("higher", "分", 100, 0, 70)),
    )),
    Topic("A05", "市场监督", "县市场监管局", 10, 76.80, 76.20, (30, 2), (
        Leaf("双随机抽查", 40, 81.70, 78.10, 77.60),
        Leaf("信用监管", 30, 78.90, 75.80, 75.30),
        Leaf("执法规范", 30, 79.30, 76.10, 75.20),
    )),
    Topic("A06", "企业信心", "县投促局", 10, 68.45, 67.92, (35, 2), (
        Leaf("投资意愿", 30, 78.40, 71.00, 72.00, survey=True),
        Leaf("发展预期", 30, 61.50, 66.20, 64.80, survey=True),
        Leaf("政策获得感", 20, 74.60, 70.10, 69.90, survey=True),
        Leaf("用工信心", 20, 65.40, 66.00, 64.00, survey=True),
    )),
    Topic("A07", "获得信贷", "县金融办", 12, 73.10, 72.40, (79, 6), (
        Leaf("贷款审批时间", 30, 72.00, 70.40, 69.80),
        Leaf("信贷可得率", 30, 55.00, 71.20, 70.50),
        Leaf("融资成本", 20, 68.00, 74.10, 73.60),
        Leaf("首贷覆盖", 20, None, 76.30, 75.50),
    )),
    Topic("A08", "登记财产", "县自然资源局", 12, 76.40, 73.60, (77, 5), (
        Leaf("登记时间", 40, 70.00, 82.00, 79.00, ("lower", "工作日", 1, 11, 4)),
        Leaf("登记环节", 20, 80.00, 76.00, 75.00, ("lower", "个", 1, 6, 2)),
        Leaf("登记费用", 20, 66.00, 74.00, 71.00, ("lower", "%", 0, 10, 3.4)),
        Leaf("土地管理信息质量", 20, 50.00, 68.00, 64.00),
    )),
    Topic("A09", "政务服务", "县营商环境建设局", 11, 72.30, 71.20, (72, 5), (
        Leaf("网上办理", 30, 74.20, 72.80, 71.90),
        Leaf("窗口服务", 25, 66.00, 73.10, 72.00, survey=True),
        Leaf("办事便利", 25, 63.80, 71.50, 70.40),
        Leaf("数据共享", 20, 71.00, 70.60, 69.80),
    )),
)  # fmt: skip

# Why points were lost (A7): what can be won back by handing papers in, and what only by doing better.
_EVIDENCE = (
    ("A0701", "信贷审批台账", "县金融办", "2019-12-20", "2019-12-18", "通过", None, None),
    ("A0702", "企业贷款发放明细", "县金融办", "2019-12-20", "2019-12-28", "复核", "结构性", "迟报，口径待核"),
    ("A0703", "企业融资成本统计表", "县金融办", "2019-12-20", "2019-12-19", "通过", "结构性", "综合融资成本偏高"),
    ("A0704", "首贷户名单及合同", "县金融办", "2019-12-20", None, "缺项", "缺项", "未提供佐证材料"),
    (
        "A0801",
        "不动产登记办理时长清单",
        "县不动产登记中心",
        "2019-12-20",
        "2019-12-15",
        "通过",
        "结构性",
        "办理时长高于全省平均",
    ),
    ("A0803", "登记收费票据", "县自然资源局", "2019-12-20", None, "缺项", "佐证不足", "未附收费票据"),
    ("A0804", "地籍图数字化覆盖证明", "县自然资源局", "2019-12-20", None, "缺项", "数据未报", "系统数据没有上报"),
    (
        "A0902",
        "窗口服务评价数据",
        "县政务服务中心",
        "2019-12-20",
        "2019-12-19",
        "补正",
        "佐证不足",
        "评价样本不足，要求补正",
    ),
    (
        "A0903",
        "一次办好事项清单",
        "县营商环境建设局",
        "2019-12-20",
        "2019-12-20",
        "已报",
        "结构性",
        "可一次办好事项偏少",
    ),
    ("A0602", "企业问卷原始记录", "县投促局", "2019-12-20", "2019-12-17", "通过", "结构性", "企业发展预期偏弱"),
    ("A0604", "用工需求调查汇总", "县投促局", "2019-12-20", "2019-12-17", "通过", "结构性", "技工缺口较大"),
)


def leaf_code(topic: Topic, place: int) -> str:
    """A0101 for the first leaf of A01."""
    return f"{topic.code}{place + 1:02d}"


def scheme() -> pl.DataFrame:
    """The one scheme of this workbook."""
    return pl.DataFrame(
        {
            "方案代码": [SCHEME],
            "方案名称": ["2019 年全省县域营商环境评价"],
            "评价层级": ["省"],
            "年度": [YEAR],
            "计分方法": ["weighted"],
            "权重说明": ["一级指标权重合计 100，二级指标在一级内合计 100"],
        }
    )


def definitions() -> pl.DataFrame:
    """Nine topics and their leaves."""
    rows = []
    for topic in TOPICS:
        rows.append(
            (SCHEME, topic.code, None, 1, topic.name, topic.weight, 100, "higher", "分", None, None, topic.lead, "否")
        )
        for place, leaf in enumerate(topic.leaves):
            direction, unit, best, worst, _ = leaf.method or ("higher", "分", None, None, None)
            rows.append(
                (
                    SCHEME,
                    leaf_code(topic, place),
                    topic.code,
                    2,
                    leaf.name,
                    leaf.weight,
                    100,
                    direction,
                    unit,
                    best,
                    worst,
                    topic.lead,
                    "是" if leaf.survey else "否",
                )
            )
    return pl.DataFrame(
        rows, orient="row", infer_schema_length=None,
        schema=["方案代码", "指标代码", "上级指标", "层级", "指标名称", "权重", "满分", "方向", "计量单位", "最优值", "最差值", "牵头单位", "是否问卷"],
    )  # fmt: skip


def scores() -> pl.DataFrame:
    """The county's published scores; the leaf that was not handed in has none and is marked incomplete."""
    rows = []
    for topic in TOPICS:
        state = "complete" if topic.coverage >= 1 else "incomplete"
        rows.append(
            (
                f"{SCHEME}-{topic.code}",
                SCHEME,
                topic.code,
                COUNTY_CODE,
                YEAR,
                "全年",
                None,
                topic.score,
                *topic.ranks,
                "published",
                round(topic.coverage, 4),
                state,
            )
        )
        for place, leaf in enumerate(topic.leaves):
            code = leaf_code(topic, place)
            missing = leaf.score is None
            rows.append(
                (
                    f"{SCHEME}-{code}",
                    SCHEME,
                    code,
                    COUNTY_CODE,
                    YEAR,
                    "全年",
                    leaf.method[4] if leaf.method else None,
                    leaf.score,
                    None,
                    None,
                    "published",
                    0.0 if missing else 1.0,
                    "incomplete" if missing else "complete",
                )
            )
    return pl.DataFrame(
        rows, orient="row", infer_schema_length=None,
        schema=["得分编号", "方案代码", "指标代码", "区划代码", "年度", "期次", "原始值", "得分", "全省位次", "全市位次", "来源", "覆盖率", "完整性"],
    )  # fmt: skip


def benchmarks() -> pl.DataFrame:
    """The city's and the province's averages of every indicator, as published."""
    rows = []
    for topic in TOPICS:
        for code, city, province in [
            (topic.code, topic.city, topic.province),
            *((leaf_code(topic, i), x.city, x.province) for i, x in enumerate(topic.leaves)),
        ]:
            rows.append((SCHEME, code, YEAR, "city_avg", city, 8, "是", "全市通报 2020 年第 3 号"))
            rows.append((SCHEME, code, YEAR, "province_avg", province, 183, "是", "全省通报 2020 年第 1 号"))
    return pl.DataFrame(
        rows,
        orient="row",
        schema=["方案代码", "指标代码", "年度", "对标类型", "对标值", "样本单位数", "是否含本县", "发布文号"],
    )


def evidence() -> pl.DataFrame:
    """Papers asked for, and what became of them."""
    rows = [
        (SCHEME, code, YEAR, name, dept, due, handed, state, cause, reason)
        for code, name, dept, due, handed, state, cause, reason in _EVIDENCE
    ]
    return pl.DataFrame(
        rows,
        orient="row",
        infer_schema_length=None,
        schema=[
            "方案代码",
            "指标代码",
            "年度",
            "材料名称",
            "提供单位",
            "应报日期",
            "实报日期",
            "状态",
            "失分原因",
            "说明",
        ],
    )


def figures() -> dict[str, object]:
    """What the views must find, said from the numbers above."""
    above = [t.name for t in TOPICS if t.score > t.city and t.score > t.province]
    partly = [
        t.name
        for t in TOPICS
        if any(x.score is not None and (x.score < x.city or x.score < x.province) for x in t.leaves)
    ]
    low = sorted({t.lead for t in TOPICS if t.score < 70})
    return {
        "scheme": SCHEME,
        "level1_scores": {t.name: t.score for t in TOPICS},
        "level1_above_both_averages": above,
        "level2_partly_below_an_average": partly,
        "lead_departments_below_70_at_level_1": low,
        "lead_departments_below_70_at_any_level": sorted(
            {t.lead for t in TOPICS if t.score < 70 or any(x.score is not None and x.score < 70 for x in t.leaves)}
        ),
        "exactly_70_not_flagged": "报税后流程",
        "below_70_by_a_hair": "企业信心 69.97",
    }
