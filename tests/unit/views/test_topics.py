"""Hot problems in messages whose truth is known; near-duplicates; ids from run to run."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hub.cli import main
from tests.unit.views.complaints import Message, messages, pairwise_f1
from views.topics import duplicates, heat
from views.topics.clusters import Document, cluster
from views.topics.find import Found, Messages, among, find
from views.topics.places import Gazetteer, marks, mine
from views.topics.words import Cutter, dictionary, letters, tidy

_HEADER = ["留言编号", "留言用户", "留言主题", "留言时间", "留言详情"]


def _write(path: Path, listed: list[Message], more: dict[str, Any] | None = None) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*_HEADER, *(more or {})])
        for m in listed:
            extra = [column.get(m.number, 0) for column in (more or {}).values()]
            writer.writerow(
                [m.number, m.user, m.title, f"{m.at.year}/{m.at.month}/{m.at.day} {m.at:%H:%M:%S}", m.text, *extra]
            )
    return path


@pytest.fixture(scope="module")
def made() -> list[Message]:
    return messages(2500, seed=11)


@pytest.fixture(scope="module")
def found(made: list[Message], tmp_path_factory: pytest.TempPathFactory) -> Found:
    return find(_write(tmp_path_factory.mktemp("topics") / "留言.csv", made))


def test_twenty_hot_problems_among_single_complaints(made: list[Message], found: Found) -> None:
    topic_of = {row["ticket_no"]: row["topic_id"] for row in found.members}
    hot = [m for m in made if m.problem is not None]
    assert pairwise_f1([m.problem for m in hot], [topic_of.get(m.number) for m in hot]) > 0.95
    problem_of = {m.number: m.problem for m in made}
    for topic in found.topics[:10]:
        inside = Counter(problem_of[row["ticket_no"]] for row in found.members if row["topic_id"] == topic["topic_id"])
        (problem, count), *_ = inside.most_common(1)
        assert problem is not None
        assert count >= 0.9 * topic["tickets"]
    five = {problem_of[topic["representative"]] for topic in found.topics[:5]}
    assert len(five & set(range(7))) == 5


def test_a_topic_tells_itself(made: list[Message], found: Found) -> None:
    first = found.topics[0]
    assert first["heat_rank"] == 1
    assert first["heat"] >= found.topics[1]["heat"]
    by_number = {m.number: m for m in made}
    inside = [row for row in found.members if row["topic_id"] == first["topic_id"]]
    assert len(inside) == first["tickets"]
    assert first["callers"] == len({row["caller"] for row in inside})
    assert first["title"] == by_number[first["representative"]].title
    assert first["place"] in by_number[first["representative"]].title
    assert first["first_at"] == min(row["recorded_at"] for row in inside)


def test_copies_are_told(made: list[Message], found: Found) -> None:
    truth = {m.number for m in made if m.copy_of}
    told = {row["ticket_no"]: row for row in found.duplicates}
    # A copy cut by a word may be the first to be sent, so it is the pair that counts.
    partners = {row["duplicate_of"] for row in found.duplicates}
    assert len(truth & (told.keys() | partners)) >= 0.95 * len(truth)
    assert all(row["share"] >= 0.7 for row in told.values())


def test_ids_stay_when_messages_are_added(
    made: list[Message], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def topics(listed: list[Message], *words: str) -> list[dict[str, str]]:
        path = _write(tmp_path / "m.csv", listed)
        capsys.readouterr()
        assert (
            main(
                [
                    "hotline",
                    "topics",
                    "--data",
                    str(path),
                    "-o",
                    "csv",
                    "--members",
                    str(tmp_path / "members.csv"),
                    *words,
                ]
            )
            == 0
        )
        return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    part = [m for n, m in enumerate(made) if n % 10][:1500]
    before = topics(part)
    assert topics(part) == before
    (tmp_path / "previous.csv").write_bytes((tmp_path / "members.csv").read_bytes())
    after = topics(made[:2000], "--previous", str(tmp_path / "previous.csv"))
    big = {t["topic_id"] for t in before if int(t["tickets"]) >= 10}
    assert len(big) >= 8
    assert big <= {t["topic_id"] for t in after}
    assert len({t["topic_id"] for t in after}) == len(after)
    assert {t["previous_rank"] for t in after if t["topic_id"] in big} >= {"1"}


def test_votes_lift_a_topic(made: list[Message], tmp_path: Path) -> None:
    small = [m for m in made if m.problem == 19]
    votes = {"点赞数": {m.number: 900 for m in small}, "反对数": {m.number: 3 for m in small}}
    plain = find(_write(tmp_path / "a.csv", made[:]))
    voted = find(_write(tmp_path / "b.csv", made, votes))
    place = lambda run: next(t["heat_rank"] for t in run.topics if t["representative"] in {m.number for m in small})  # noqa: E731
    assert place(voted) < place(plain)
    assert voted.topics[0]["likes"] is not None


def test_places_are_drawn_out_of_the_texts() -> None:
    words = dictionary()
    texts = [
        "丽发新城小区旁建搅拌站",
        "我们丽发新城小区很吵",
        "丽发新城附近",
        "中心路路灯不亮",
        "中心路坑洼",
        "看不见路",
        "看不见路啊",
        "小区停水",
        "老小区停水",
        "请问火车站出租车不打表",
        "请问火车站谁管",
        "新小区没有配套小学",
        "新小区没有小学",
    ]
    cutter = Cutter(words)
    names = set(mine(texts, [cutter.tagged(t) for t in texts], words).stem_of.values())
    assert {"丽发新城", "中心路"} <= names
    assert not {n for n in names if "看不见" in n or n in ("小区", "老小区", "新小区", "我们丽发新城", "问火车站")}


def test_a_sentence_sent_by_many_is_no_place_nor_is_a_firm_without_a_name() -> None:
    words = dictionary()
    texts = [
        f"{name}城，{told}"
        for name in ("望江", "银杉")
        for told in ("一楼把公共露台围成自家花园", "住建局说要等街道出证明", "运营公司电话打不通", "恒大公司不退定金")
    ]
    cutter = Cutter(words)
    names = set(mine(texts, [cutter.tagged(t) for t in texts], words).stem_of)
    assert {"望江城", "银杉城", "恒大公司"} <= names
    assert not {n for n in names if n.endswith(("自家花园", "等街道", "运营公司"))}


def test_what_always_stands_before_a_place_is_of_its_name() -> None:
    gazetteer = Gazetteer(["凤鸣城"], dictionary())
    cuts = [["鹤鸣", "凤鸣城", "停水"], ["购买", "凤鸣城", "车位"], ["购买", "车位"], ["鹤鸣", "凤鸣城", "购买"]]
    assert gazetteer.fronts(cuts) == {"鹤鸣"}


def _placed(words: str, place: str | None) -> Document:
    return Document([(word, 1.0) for word in words.split()], [place] if place else [], place is not None)


def test_a_matter_of_very_many_messages_is_found_though_all_its_words_are_common() -> None:
    few = [_placed(f"小事{n} 单独{n} 琐碎{n}", None) for n in range(500)]
    many = [_placed("搅拌 噪声 夜间 扬尘 施工", "滨河苑") for _ in range(1500)]
    label = cluster([*few, *many], dictionary().thresholds).label
    assert set(label[:500].tolist()) == {-1}
    assert set(label[500:].tolist()) == {0}


def test_a_message_without_a_place_does_not_bind_two_places_together() -> None:
    words = "捆绑 停车 开发商 强制 购买"
    documents = [_placed(words, place) for place in ("滨河苑", "丽发新城", "凯旋门") for _ in range(20)]
    label = cluster([_placed(words, None), *documents], dictionary().thresholds).label[1:]
    assert [len(set(label[n : n + 20].tolist())) for n in (0, 20, 40)] == [1, 1, 1]
    assert len(set(label.tolist())) == 3


def test_one_matter_told_in_two_ways_at_one_place_is_one_however_many_name_it() -> None:
    others = [_placed(f"小事{n} 单独{n} 琐碎{n}", f"别处{n}") for n in range(600)]
    ways = [
        _placed(f"{way} 监控 拉肚子 家委会", "青山小学")
        for way in ("食堂 发馊 饭菜", "承包 猫腻 账目")
        for _ in range(80)
    ]
    label = cluster([*others, *ways], dictionary().thresholds).label[600:]
    assert set(label.tolist()) == {0}


def _among(told: list[tuple[str, str | None]], towns: Sequence[str] = ()) -> Found:
    """The topics of these bodies, each with a category, in turn of `towns`, a minute apart and each of another caller."""
    count, none = len(told), np.zeros(len(told), dtype=np.int64)
    at = [datetime(2026, 9, 1) + timedelta(minutes=n) for n in range(count)]
    numbers = [str(n) for n in range(count)]
    bodies, categories = (list(column) for column in zip(*told, strict=True))
    places = [towns[n % len(towns)] if towns else None for n in range(count)]
    return among(
        Messages(numbers, [*numbers], [*at], [""] * count, bodies, places, categories, none, none, has_votes=False),
        dictionary(),
    )


_WORDS = ["路灯不亮一片漆黑", "路灯不亮一片漆黑没人修", "晚上路灯不亮一片漆黑", "路灯不亮一片漆黑出行害怕"]


def test_a_village_of_one_town_is_not_the_village_of_that_name_in_another() -> None:
    told = [(f"{town}柳树村{say}", None) for say in _WORDS * 3 for town in ("青阳镇", "枫桥镇")]
    topics = _among(told).topics
    assert sorted((t["place"], t["tickets"]) for t in topics) == [("枫桥镇柳树村", 12), ("青阳镇柳树村", 12)]
    told = [(f"{town}柳树村{say}", None) for say in _WORDS * 3 for town in ("A市A3区", "A市A7县", "")]
    assert [
        t["tickets"] for t in _among([(f"柳树村{say}", None) for say in _WORDS * 6], ["青阳镇", "枫桥镇"]).topics
    ] == [12, 12]
    districts = [t["place"] for t in _among(told).topics]
    assert {"A3区柳树村", "A7县柳树村"} <= set(districts)


def test_one_who_errs_in_the_town_is_of_the_same_place() -> None:
    told = [(f"{'枫桥镇' if n == 5 else '青阳镇'}丽发新城小区{_WORDS[n % 4]}", None) for n in range(12)]
    (topic,) = _among(told).topics
    assert topic["tickets"] == 12


def test_different_matters_of_one_town_are_not_one_because_of_the_town() -> None:
    roads = ["人民路", "人民路", "迎宾路", "学府路", "文昌路", "朝阳街"]
    hot = [(f"示例县城西街道{road}{n}号附近稳岗补贴符合条件但迟迟未兑现", "1201") for n, road in enumerate(roads)]
    other = [(f"示例县城西街道{road}{n}号附近不动产权证资料齐全但一直未办结", "0303") for n, road in enumerate(roads)]
    single = [(f"示例县{town}{road}{n}号附近{say}", "0502") for n, (town, road, say) in enumerate(zip(
        ["城东街道", "太和镇", "金华镇", "香山镇"] * 5, roads * 4, ["餐馆销售过期食品", "早上公交不按时发车", "网购商品不退费", "变压器线路老化"] * 5,
        strict=False))]  # fmt: skip
    found = _among([*hot, *other, *single])
    of = {m["ticket_no"]: m["topic_id"] for m in found.members}
    assert len({of[str(n)] for n in range(6)}) == len({of[str(n)] for n in range(6, 12)}) == 1
    assert of["0"] != of["6"]
    assert {t["place"] for t in found.topics if t["topic_id"] in {of["0"], of["6"]}} == {"城西街道"}
    assert "@1201" not in str(found.topics)


def test_one_matter_all_over_a_town_is_one_however_many_name_the_town() -> None:
    others = [
        Document([(f"小事{n}", 1.0), (f"单独{n}", 1.0)], ["太和镇", f"村{n}"], placed=True, towns=["太和镇"])
        for n in range(900)
    ]
    words = [(w, 1.0) for w in ("包工头", "拖欠", "工资")]
    hot = [Document(words, ["太和镇", f"路{n % 20}"], placed=True, towns=["太和镇"]) for n in range(60)]
    label = cluster([*others, *hot], dictionary().thresholds).label
    assert len(set(label[900:].tolist())) == 1
    assert set(label[:900].tolist()) == {-1}


def test_no_name_reaches_over_a_town_or_a_house_number() -> None:
    words = dictionary()
    texts = [f"示例县城东街道长岭村{n}号附近小学放学时，城东街道小区门口堵车" for n in range(3)]
    cutter = Cutter(words)
    names = set(mine(texts, [cutter.tagged(t) for t in texts], words).stem_of)
    assert {n for n in names if "长岭" in n} == {"长岭村"}
    assert not {n for n in names if n.startswith(("示例县", "城东街道小", "号附近"))}


def test_the_courtesies_of_letters_are_no_shared_matter() -> None:
    polite = ["打扰", "辛苦", "咨询", "网上", "几次", "邻居", "媒体", "皮球"]
    others = [_placed(f"小事{n} 单独{n} {polite[n % 8]} {polite[(n + 3) % 8]}", f"别处{n}") for n in range(400)]
    two = [
        _placed(f"{matter} 打扰 辛苦 邻居 媒体", "鹿鸣大街")
        for matter in ("电梯 加装 审批 补贴", "暖气 停暖 公告 站点")
    ]
    assert set(cluster([*others, *two], dictionary().thresholds).label.tolist()) == {-1}


def test_a_message_is_the_same_whatever_marks_stand_in_it() -> None:
    text = "星城镇，农水站说没有经费，渠里长满草。大概从去年开始。"
    assert letters(tidy(text)) == letters(tidy(text.replace("，", ",").replace("。", "！")))


def test_near_duplicates_are_pairs_above_the_threshold() -> None:
    rng = np.random.default_rng(1)
    letters = [chr(0x4E00 + n) for n in range(3000)]
    base = ["".join(rng.choice(letters, 120)) for _ in range(200)]
    texts = [*base, *(text[:110] + "请领导重视" for text in base[:50]), *(text[:40] for text in base[50:60]), "", "短"]
    first, share = duplicates.near_duplicates(texts, 0.7)
    assert first[:200].tolist() == [-1] * 200
    assert first[200:250].tolist() == list(range(50))
    assert (share[200:250] >= 0.7).all()
    assert first[250:].tolist() == [-1] * 12


def test_a_chain_of_copies_leads_to_the_first() -> None:
    text = "城西安置房项目拖延三年没有交房业主多次反映至今没有答复请求上级部门督促开发商尽快复工"
    first, _ = duplicates.near_duplicates([text, text + "！", text + "！！谢谢", text], 0.7)
    assert first.tolist() == [-1, 0, 0, 0]


def test_a_rising_share_is_warned_of() -> None:
    limits = {"rise_pct": 50, "rise_tickets": 5}
    assert heat.rise(9, 3, 100, 100, limits)["warning"] == "占比上升"
    assert heat.rise(9, 3, 100, 100, limits)["share_rise_pct"] == 200
    assert heat.rise(9, 3, 300, 100, limits)["warning"] is None  # all rose
    assert heat.rise(4, 1, 100, 100, limits)["warning"] is None  # too few
    assert heat.rise(6, 0, 100, 100, limits) == {
        "share_pct": 6.0,
        "share_rise_pct": None,
        "trend": "新",
        "warning": "新出现",
    }


def test_a_burst_is_the_densest_stretch() -> None:
    day = datetime(2025, 1, 1)
    assert heat.burst([day + timedelta(n) for n in (0, 1, 2, 40, 41, 42, 43, 100)], timedelta(30)) == 4
    assert heat.burst([], timedelta(30)) == 0


def test_tags_addresses_and_widths_are_not_compared() -> None:
    assert tidy("<p>Ａ市 路灯&nbsp;不亮\n见 http://x.cn/a</p>") == "A市路灯不亮见"


def test_a_file_without_text_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert main(["hotline", "topics", "--data", str(tmp_path / "x.csv")]) == 1
    assert "--text" in capsys.readouterr().err
    (tmp_path / "y.csv").write_text("a,b\n1,停水\n", encoding="utf-8")
    assert main(["hotline", "topics", "--data", str(tmp_path / "y.csv"), "--text", "b", "-o", "csv"]) == 0


PLACES = [f"{a}{b}{kind}" for a in "丽福凤盛泰" for b in "光新康白竹" for kind in ("村", "街", "小区", "花园")]
FORM = (
    "{place}{house}栋垃圾长期无人清运，臭气熏天，蚊虫很多，向居委会反映了多次没有结果，请环卫部门安排清运并加强管理。"
)


def test_one_form_letter_about_many_places_is_no_repeat_and_its_copies_are() -> None:
    """Every village of the county sends the same words; what is sent again is of the same village and house."""
    rows = [(place, house, FORM.format(place=place, house=house)) for place in PLACES for house in (1, 2, 12)]
    again = [(place, house, text.replace("，", "。", 1) + "盼回复。") for place, house, text in rows[::7]]
    known = dictionary()
    texts = [tidy(text) for _, _, text in rows + again]
    first, _ = duplicates.near_duplicates(texts, 0.7, [marks(text, known) for text in texts])
    found = {i - len(rows): int(first[i]) for i in range(len(rows), len(texts)) if first[i] >= 0}
    assert all(earlier == 7 * n for n, earlier in found.items())
    assert len(found) >= 0.95 * len(again)  # banding may miss one in a hundred
    assert not (first[: len(rows)] >= 0).any()
