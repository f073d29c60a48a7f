"""Made-up citizens' messages whose truth is known: twenty hot problems told in many words, among single complaints."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

_NAMES = [
    "丽发",
    "金桥",
    "汇金",
    "星沙",
    "望月",
    "银杉",
    "恒泰",
    "润和",
    "鑫远",
    "碧水",
    "长丰",
    "天马",
    "明珠",
    "凯旋",
    "锦绣",
    "华夏",
    "新芙",
    "阳光",
    "麓谷",
    "湘江",
    "白鹭",
    "青竹",
    "枫林",
    "紫薇",
    "梅溪",
    "月湖",
    "双塘",
    "石桥",
    "龙湾",
    "柏树",
]
_TAILS = [
    "新城小区",
    "花园小区",
    "家园",
    "公寓",
    "广场",
    "中学",
    "小学",
    "幼儿园",
    "路",
    "大道",
    "街",
    "社区",
    "村",
    "农贸市场",
    "国际城",
]
# Each matter: how it is named in titles, how it is told; the words differ on purpose.
_MATTERS: list[tuple[list[str], list[str]]] = [
    (["搅拌站噪音扰民", "违建搅拌厂污染环境", "旁边建混凝土搅拌站", "搅拌站粉尘污染严重"],
     ["搅拌站离居民楼不到一百米，粉尘很大不敢开窗", "每天水泥罐车进进出出灰尘满天", "半夜还在生产，噪声大得无法入睡", "没有环评就建混凝土站"]),
    (["捆绑销售车位", "强制购买车位", "买房必须买车库", "无视业主意见强卖停车位"],
     ["开发商规定不买车位就不给办房子", "车位价格二十万还要全款", "内部认购时口头承诺不捆绑", "强买强卖侵害购房者权益"]),
    (["夜间施工噪声", "工地通宵作业吵死人", "深夜打桩扰民", "凌晨浇筑混凝土"],
     ["工地每晚十一点以后还在打桩", "老人小孩睡不着觉", "打过环保热线没有人管", "凌晨两点机器轰鸣"]),
    (["停水好几天", "自来水断水无人管", "水压不足用不上水", "频繁停水"],
     ["高层已经三天没水用", "没有任何停水通知", "水龙头只有一点点水", "做饭洗澡都成问题"]),
    (["自来水发黄有异味", "水质浑浊", "水管流出黄水", "供水水质差"],
     ["放出来的水是黄色的还有沉淀", "水有股漂白粉味不敢喝", "洗的衣服都变黄", "怀疑二次供水水箱没有清洗"]),
    (["电梯经常故障", "电梯困人", "电梯坏了不修", "电梯下坠吓坏业主"],
     ["这个月已经困人三次", "十几楼的老人只能爬楼梯", "维保单位敷衍了事", "维修基金不肯动用"]),
    (["物业乱收费", "物业费上涨不公示", "物业服务差", "要求更换物业公司"],
     ["收费从不公示账目", "保安形同虚设偷盗频发", "业委会成立受阻", "不交停车管理费就不给门禁卡"]),
    (["房产证办不下来", "交房五年没有不动产证", "开发商拖延办证", "产权证遥遥无期"],
     ["契税维修基金都交齐了", "开发商说土地有抵押", "孩子上学急用产权证", "大确权名单里没有我们"]),
    (["楼盘停工烂尾", "逾期不交房", "延期交房没有说法", "开发商资金链断裂停工"],
     ["合同约定前年交楼", "现场只有几个工人装样子", "一边还贷一边租房", "开发商电话打不通"]),
    (["拖欠农民工工资", "工地欠薪", "年底工钱没结", "包工头跑了工资没发"],
     ["三十多个工友干了半年一分没拿到", "总包推给分包互相扯皮", "家里等着钱过年", "劳动监察大队说立案了没下文"]),
    (["烧烤店油烟扰民", "夜宵摊油烟直排", "楼下烧烤噪音大", "大排档占道经营油烟污染"],
     ["油烟直接飘进卧室", "喝酒划拳闹到凌晨三点", "窗户上一层油", "城管来了就收走了又摆"]),
    (["垃圾堆积如山", "垃圾站臭气熏天", "垃圾长期无人清运", "建筑垃圾乱倒"],
     ["夏天苍蝇蚊子到处飞", "垃圾桶满出来没人收", "路过都要捂鼻子", "污水流到马路上"]),
    (["道路坑洼不平", "路面破损严重", "修路半年没修好", "路烂得没法走"],
     ["下雨天全是泥坑", "电动车摔倒好几个人", "挖开以后就没人管", "车子底盘都刮坏了"]),
    (["路灯不亮", "整条路没有路灯", "路灯坏了很久", "晚上漆黑一片没有照明"],
     ["学生下晚自习看不见路", "已经发生两起摔伤", "路灯装了从没亮过", "女生走夜路害怕"]),
    (["入学划片不合理", "配套学校不能就读", "业主子女上学难", "学位不足孩子无法入学"],
     ["买房时承诺对口名校", "现在要分到三公里外", "六年级要抽签", "教育局给的答复前后矛盾"]),
    (["违规补课收费", "强制参加补习班", "老师有偿补课", "学校周末补课乱收费"],
     ["一学期收两千元资料费", "不交钱的坐最后一排", "家长敢怒不敢言", "初三寒假只放五天"]),
    (["公交车班次太少", "没有公交线路", "公交末班车太早", "等公交一个小时"],
     ["几千住户只有一趟车", "上班天天迟到", "线路绕了大半个城", "希望增加站点"]),
    (["噪声低频轰鸣", "冷却塔噪音", "空调外机噪音扰民", "水泵房低频噪声"],
     ["二十四小时嗡嗡响", "住在旁边的老人心脏病犯了", "检测说不超标但人受不了", "要求加装隔音设施"]),
    (["养猪场臭味", "养殖场污水直排", "养鸡场恶臭难闻", "养殖废水污染农田"],
     ["猪粪水直接排到水渠", "井水不能喝了", "吃饭都恶心", "离村民房子只有五十米"]),
    (["高铁线路离小区太近", "铁路噪音", "要求铁路改线", "高铁环评公示距离住宅过近"],
     ["离最近的楼栋只有三十米", "规划公示时没有告知", "震动会影响房屋结构", "要求绕行或者加声屏障"]),
    (["安置房迟迟不分", "拆迁补偿款没到位", "征地补偿不合理", "过渡费停发"],
     ["房子拆了六年还在外面租房", "协议写两年内回迁", "补偿标准比邻村低", "安置名单不公开"]),
    (["天然气开不了户", "小区不通燃气", "燃气入户难", "天然气配套费收了不通气"],
     ["每户交了三千多块", "只能用煤气罐不安全", "燃气公司说开发商没交钱", "管道已经铺到门口"]),
]  # fmt: skip
_OPEN = [
    "尊敬的领导您好！",
    "您好，",
    "领导好，我是一名普通市民，",
    "",
    "我要投诉，",
    "请问有人管吗？",
    "各位领导：",
    "百姓的呼声：",
]
_CLOSE = [
    "希望有关部门尽快处理。",
    "请领导重视！谢谢。",
    "盼回复。",
    "恳请相关部门核实解决。",
    "",
    "感谢！",
    "投诉多次都没有解决，影响正常生活。",
]
_ODD = ["退休年龄怎么计算", "如何办理居住证", "身份证异地补办", "公积金提取材料", "驾照期满换证", "独生子女补贴标准", "出生证明丢失补办", "异地医保备案",
    "个体户注销流程", "老年公交卡办理", "低保申请条件", "失业金领取", "生育津贴计算", "流动党员组织关系", "护照办理地点", "残疾证年审", "新生儿落户", "灵活就业社保缴费",
    "二孩登记", "中考加分政策", "无犯罪记录证明开具", "档案转移手续", "婚姻登记预约", "车辆年检地点", "人才购房补贴发放", "廉租房申请", "疫苗接种时间", "老兵优待证"]  # fmt: skip


@dataclass(frozen=True)
class Message:
    """One message; `problem` is the hot problem it is about, None for a single complaint."""

    number: str
    user: str
    title: str
    at: datetime
    text: str
    problem: int | None
    copy_of: str | None = None


def messages(count: int, problems: int = 20, seed: int = 1, sizes: tuple[int, int] = (12, 60)) -> list[Message]:
    """`count` messages in the order of time; the first problem is the largest, sizes fall to the smallest."""
    dice = random.Random(seed)
    most, least = sizes[1], sizes[0]
    found: list[Message] = []
    taken: set[tuple[str, str]] = set()

    def place() -> str:
        return dice.choice(_NAMES) + dice.choice(_NAMES) + dice.choice(_TAILS)

    def tell(where: str, matter: int) -> tuple[str, str]:
        titles, details = _MATTERS[matter]
        # Half tell the district the place lies in, one in twenty of these another.
        number = sum(map(ord, where)) % 8 + 1 if dice.random() < 0.95 else dice.randrange(1, 9)
        area = f"A{number}区" if dice.random() < 0.5 else ""
        named = where.removesuffix("小区") if dice.random() < 0.3 else where
        title = f"{area}{named}{dice.choice(['', '附近', '旁边', '里'])}{dice.choice(titles)}"
        body = "，".join(dice.sample(details, dice.randrange(1, 4)))
        again = f"{named}{dice.choice(titles)}，" if dice.random() < 0.6 else f"我们{named}的业主，"
        return title, f"{dice.choice(_OPEN)}{again}{body}。{dice.choice(_CLOSE)}"

    def add(problem: int | None, title: str, text: str, at: datetime, user: str, copy_of: str | None = None) -> None:
        found.append(Message(f"{len(found):06d}", user, title, at, text, problem, copy_of))

    for problem in range(problems):
        where, matter = place(), problem % len(_MATTERS)
        taken.add((where, str(matter)))
        begin = datetime(2019, 1, 1) + timedelta(days=dice.randrange(250))
        size = most - (most - least) * problem // max(problems - 1, 1)
        for _ in range(size):
            at = begin + timedelta(minutes=dice.randrange(90 * 1440))
            copied = [m for m in found if m.problem == problem]
            if copied and dice.random() < 0.1:
                old = dice.choice(copied)
                # Sent again with a word changed at the end.
                add(
                    problem,
                    old.title,
                    old.text.rstrip("。！") + dice.choice(["！", "。请回复", ""]),
                    at,
                    old.user,
                    old.copy_of or old.number,
                )
            else:
                add(problem, *tell(where, matter), at, f"U{dice.randrange(10**6)}")
    while len(found) < count:
        at = datetime(2019, 1, 1) + timedelta(minutes=dice.randrange(500_000))
        user = f"U{dice.randrange(10**6)}"
        if dice.random() < 0.25:
            what, other, where = dice.choice(_ODD), dice.choice(_ODD), dice.choice(_NAMES) + dice.choice(_NAMES)
            title = dice.choice([f"咨询{what}", f"{what}及{other}", f"请问{where}镇{what}"])
            add(
                None,
                title,
                f"{dice.choice(_OPEN)}请问{what}，{other}，本人户口在{where}镇，{dice.choice(_CLOSE)}",
                at,
                user,
            )
        else:
            add(None, *tell(place(), dice.randrange(len(_MATTERS))), at, user)
    found.sort(key=lambda m: (m.at, m.number))
    return found


def pairwise_f1(truth: list[object], found: list[object]) -> float:
    """F1 over pairs put together; None is a message on its own."""
    from collections import Counter

    both = Counter((t, f) for t, f in zip(truth, found, strict=True) if t is not None and f is not None)
    in_truth = Counter(t for t in truth if t is not None)
    in_found = Counter(f for f in found if f is not None)
    pairs = lambda counts: sum(n * (n - 1) // 2 for n in counts.values())  # noqa: E731
    right = pairs(both)
    return 2 * right / (pairs(in_truth) + pairs(in_found)) if right else 0.0
