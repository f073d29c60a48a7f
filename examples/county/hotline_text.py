"""What people ring 12345 about: categories, the department each goes to, and the words of a ticket."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples.county import places

DEMANDS = np.array(["咨询", "求助", "投诉", "举报", "建议", "表扬"])


@dataclass(frozen=True)
class Category:
    """One problem category: its share of calls, who handles it, how often an enterprise rings, and what is said."""

    code: str
    name: str
    department: str
    weight: float
    enterprise: float
    demand: tuple[float, float, float, float, float, float]  # shares in the order of DEMANDS
    objects: tuple[str, ...]
    problems: tuple[str, ...]


_ASK = (0.55, 0.3, 0.1, 0.0, 0.05, 0.0)
_HELP = (0.1, 0.6, 0.25, 0.0, 0.05, 0.0)
_COMPLAIN = (0.05, 0.2, 0.6, 0.12, 0.03, 0.0)
_PRAISE = (0.1, 0.2, 0.4, 0.0, 0.2, 0.1)

CATEGORIES: tuple[Category, ...] = (
    Category("0101", "市容环境", "县综合行政执法局", 9, 0.02, _COMPLAIN, ("流动摊贩", "占道经营的商户", "违规广告牌", "共享单车"), ("占用人行道", "早晚高峰堵塞路口", "污水直接倒在路面", "长期无人清理")),
    Category("0102", "噪声扰民", "县综合行政执法局", 7, 0.01, _COMPLAIN, ("夜间施工工地", "广场舞音响", "楼下烧烤店", "冷库压缩机"), ("深夜十一点后仍在作业", "噪声很大影响老人孩子休息", "多次劝说无效", "凌晨五点就开始")),
    Category("0201", "供水服务", "县供水公司", 6, 0.15, _HELP, ("自来水", "二次供水泵房", "供水主管", "水表"), ("连续停水未通知", "水压不足高层用不上水", "水质发黄有异味", "爆管漏水无人维修")),
    Category("0202", "供电服务", "县供电公司", 5, 0.2, _HELP, ("片区供电", "变压器", "电线杆", "电表"), ("频繁跳闸", "电压不稳烧坏家电", "线路老化垂落", "报装后迟迟未通电")),
    Category("0301", "市政设施", "县住建局", 7, 0.02, _HELP, ("路灯", "窨井盖", "人行道地砖", "雨水管网"), ("损坏一直没有修复", "缺失存在安全隐患", "下雨就积水", "夜间不亮出行困难")),
    Category("0302", "物业管理", "县住建局", 9, 0.01, _COMPLAIN, ("小区物业", "小区电梯", "小区停车位", "维修基金"), ("收费不公示", "故障频发未及时维修", "拒绝公开账目", "服务与合同不符")),
    Category("0303", "房屋权属", "县不动产登记中心", 5, 0.15, _ASK, ("不动产权证", "房屋过户", "抵押注销登记", "历史遗留小区办证"), ("资料齐全但一直未办结", "窗口要求补充材料说法不一", "不清楚需要哪些材料", "开发商原因多年办不了证")),
    Category("0401", "劳动报酬", "县人社局", 8, 0.03, _COMPLAIN, ("建筑工地包工头", "餐饮店老板", "家具厂", "劳务公司"), ("拖欠工资两个月", "未签劳动合同", "年底结算款至今未付", "不缴纳社会保险")),
    Category("0501", "消费维权", "县市场监管局", 8, 0.02, _COMPLAIN, ("预付卡健身房", "网购商品", "家电销售门店", "美容院"), ("停业后不退费", "虚假宣传", "商品质量问题拒绝退换", "强制消费")),
    Category("0502", "食品安全", "县市场监管局", 4, 0.01, _COMPLAIN, ("路边餐馆", "学校周边小卖部", "外卖商家", "农贸市场熟食摊"), ("食品有异物", "销售过期食品", "后厨卫生差", "无健康证上岗")),
    Category("0601", "道路交通", "县交通运输局", 6, 0.04, _HELP, ("公交线路", "乡村公路", "客运班车", "出租车"), ("班次太少等候时间长", "路面破损严重", "随意甩客绕路", "早上不按时发车")),
    Category("0602", "交通管理", "县公安局", 6, 0.02, _HELP, ("路口红绿灯", "违停车辆", "学校门口交通", "货车夜间通行"), ("配时不合理拥堵严重", "堵塞消防通道", "接送时段混乱", "超速鸣笛")),
    Category("0701", "教育服务", "县教体局", 5, 0.0, _ASK, ("学区划分", "校外培训机构", "课后服务", "转学手续"), ("不清楚今年的政策", "收费后不开课", "收费标准不一致", "办理流程复杂")),
    Category("0801", "医疗医保", "县医保局", 6, 0.01, _ASK, ("异地就医备案", "门诊慢特病", "居民医保缴费", "住院报销"), ("系统显示不成功", "报销比例与公布的不一致", "不清楚办理条件", "资料交了很久没有结果")),
    Category("0802", "卫生服务", "县卫健局", 3, 0.0, _PRAISE, ("县医院挂号", "社区卫生服务站", "疫苗接种", "家庭医生签约"), ("排队时间太长", "服务态度问题", "通知不到位", "流程希望优化")),
    Category("0901", "生态环境", "县生态环境局", 5, 0.05, _COMPLAIN, ("砂石厂", "养殖场", "河道", "家具喷漆作坊"), ("粉尘污染严重", "臭味扰民", "有污水直排", "夜间偷排废气")),
    Category("1001", "农业农村", "县农业农村局", 5, 0.03, _ASK, ("耕地地力补贴", "高标准农田", "农机购置补贴", "土地流转费"), ("今年还没有发放到账", "施工后未恢复道路", "申报后没有答复", "合同到期拒不支付")),
    Category("1002", "水利设施", "县水利局", 2, 0.01, _HELP, ("灌溉渠", "山坪塘", "提灌站", "河堤"), ("淤塞无法灌溉", "垮塌未修复", "无人管护", "汛期存在隐患")),
    Category("1101", "社会救助", "县民政局", 4, 0.0, _ASK, ("低保申请", "临时救助", "高龄津贴", "养老院收费"), ("提交后一直没有审核结果", "不清楚办理条件", "停发没有说明原因", "收费突然上涨")),
    Category("1201", "惠企政策兑现", "县营商环境建设局", 3, 0.95, _COMPLAIN, ("稳岗补贴", "技改奖补资金", "招商引资承诺的租金减免", "小升规奖励"), ("符合条件但迟迟未兑现", "多个部门互相推诿", "材料反复补交", "超过承诺时限没有答复")),
    Category("1202", "拖欠企业账款", "县财政局", 2, 0.95, _COMPLAIN, ("工程结算款", "货物采购款", "设计服务费", "质保金"), ("验收后一年未付", "以审计未完成为由拖延", "承诺付款后再次延期", "金额有争议但不予核对")),
    Category("1301", "融资服务", "县金融办", 2, 0.9, _HELP, ("小微企业贷款", "应急转贷资金", "创业担保贷款", "首贷户申请"), ("银行要求额外担保", "审批超过一个月", "手续多跑了多次", "被拒绝但没有说明原因")),
    Category("1401", "税费服务", "县税务局", 3, 0.7, _ASK, ("留抵退税", "发票额度调整", "社保费缴纳", "税务注销"), ("申请后没有进度", "线上办理报错", "大厅排队超过两小时", "不清楚需要的资料")),
    Category("1501", "政务服务", "县政务服务中心", 4, 0.35, _PRAISE, ("窗口办理营业执照", "工程建设项目审批", "网上办事系统", "帮办代办"), ("一次告知不清楚", "窗口人员态度问题", "超过承诺时限", "系统打不开")),
    Category("1601", "自然资源", "县自然资源局", 3, 0.2, _COMPLAIN, ("临时用地", "宅基地审批", "砂石开采", "规划许可"), ("审批超期没有说法", "占用耕地未处理", "群众反映多次未解决", "标准不统一")),
    Category("1701", "招商项目", "县投促局", 1, 1.0, _HELP, ("落户项目", "标准厂房", "项目用工", "园区道路"), ("承诺事项没有落实", "水电配套未到位", "对接人员多次更换", "协调进展没有反馈")),
)  # fmt: skip

CODES = np.array([c.code for c in CATEGORIES])
DEPARTMENTS = np.array([c.department for c in CATEGORIES], dtype=object)
_WEIGHT = np.array([c.weight for c in CATEGORIES], dtype=float)
WEIGHTS = _WEIGHT / _WEIGHT.sum()
ENTERPRISE_SHARE = np.array([c.enterprise for c in CATEGORIES])
DEMAND_SHARES = np.array([c.demand for c in CATEGORIES])
_OBJECTS = np.array([c.objects for c in CATEGORIES], dtype=object)
_PROBLEMS = np.array([c.problems for c in CATEGORIES], dtype=object)
VARIANTS = _OBJECTS.shape[1]

_OPENINGS = np.array(["来电人反映", "市民来电称", "群众反映", "诉求人表示", "企业来电反映"], dtype=object)
_DURATIONS = np.array(
    [
        "已有三天",
        "已持续一周左右",
        "将近半个月",
        "一个多月了",
        "从上个月开始",
        "昨天开始",
        "今年以来一直如此",
        "反复出现",
    ],
    dtype=object,
)
_EFFECTS = np.array(
    [
        "严重影响日常生活",
        "附近住户意见很大",
        "影响正常经营",
        "存在安全隐患",
        "给老人和孩子带来不便",
        "之前反映过没有结果",
        "希望引起重视",
        "造成了一定损失",
    ],
    dtype=object,
)
_ENDINGS = np.array(
    [
        "请相关部门尽快核实处理并回复",
        "希望有关部门给予帮助",
        "请求现场查看",
        "请告知办理进度",
        "望依法处理并保密",
        "希望给一个明确答复",
        "请协调解决",
    ],
    dtype=object,
)


def titles(
    category: NDArray[np.int64], item: NDArray[np.int64], problem: NDArray[np.int64], town: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Ticket titles such as «关于太和镇路灯损坏一直没有修复的问题»."""
    return (
        "关于"
        + places.TOWN_NAMES.astype(object)[town]
        + _OBJECTS[category, item]
        + _PROBLEMS[category, problem]
        + "的问题"
    )


def contents(
    rng: np.random.Generator,
    category: NDArray[np.int64],
    item: NDArray[np.int64],
    problem: NDArray[np.int64],
    address: NDArray[np.object_],
    enterprise: NDArray[np.bool_],
) -> NDArray[np.object_]:
    """Whole ticket texts: who says, where, what, since when, with which effect, and what is asked."""
    count = len(category)
    opening = np.where(enterprise, _OPENINGS[4], rng.choice(_OPENINGS[:4], count))
    return (
        opening + "：" + address + "附近" + _OBJECTS[category, item] + _PROBLEMS[category, problem] + "，" + rng.choice(_DURATIONS, count)
        + "，" + rng.choice(_EFFECTS, count) + "，" + rng.choice(_ENDINGS, count) + "。"
    )  # fmt: skip
