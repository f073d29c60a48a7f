"""How a row reads as a header."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from connectors import header, ledger, shape


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("注册资本（万元）", ("注册资本", "万元")), ("注册资本(元)", ("注册资本", "元")), ("面积（㎡）", ("面积", "m2")), ("占比(%)", ("占比", "%")),
        ("时长[工作日]", ("时长", "工作日")), ("金额（单位：万元）", ("金额", "万元")), ("名称（全称）", ("名称（全称）", None)),
        ("法人（负责人）", ("法人（负责人）", None)), ("金额", ("金额", None)), ("（万元）", ("（万元）", None)),
        ("总投资/万元", ("总投资", "万元")), ("总投资万元", ("总投资", "万元")), ("总投资（万元，含税）", ("总投资", "万元")),
        ("数量（个、万元）", ("数量（个、万元）", None)), ("资金(人民币万元)", ("资金", "万元")), ("单元", ("单元", None)),
    ],
)  # fmt: skip
def test_units_in_brackets(text, parts):
    assert header.split_unit(text) == parts


def test_mapped_columns_get_the_mapped_spelling():
    found = header.fit(
        ["序 号", "企业\n名称", "联系电话", "联系电话", "注册资本（万元）", "", "ＵＳＣＣ"],
        ["企业名称", "联系电话#2", "注册资本", "uscc", "没有"],
    )
    assert found.names == ["序号", "企业名称", "联系电话", "联系电话#2", "注册资本", "列6", "uscc"]
    assert (found.units, found.hits) == ({"注册资本": "万元"}, 4)


def test_header_with_its_unit_may_be_mapped_as_it_stands():
    assert header.fit(["金额（万元）"], ["金额（万元）"]).names == ["金额（万元）"]


def test_header_rows_are_joined_once_each():
    assert header.joined([["类别", "责任", "责任", ""], ["类别", "牵头单位", "责 任 人", "备注"]]) == [
        "类别",
        "责任/牵头单位",
        "责任/责任人",
        "备注",
    ]


FEET = ["合计", "合　计：", "小 计", "总计", "填表人：张三", "审核人:李四", "注：仅供参考", " 合计 "]
RECORDS = ["合计算机有限公司", "小计量检测所", "审核人员培训", "备注信息", "总计划", "", "T001"]


def as_a_column(text):
    return any(
        pc.match_substring_regex(pa.array([text]), p)[0].as_py()
        for p in (header.TOTAL_PATTERN, header.SIGNATURE_PATTERN)
    )


@pytest.mark.parametrize("text", FEET)
def test_feet_are_known_alone_and_as_a_column(text):
    assert header.is_total(text) or header.is_signature(text)
    assert as_a_column(text)


@pytest.mark.parametrize("text", RECORDS)
def test_records_are_not_taken_for_feet(text):
    assert not header.is_total(text)
    assert not header.is_signature(text)
    assert not as_a_column(text)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("2026年3月　单位：万元", "万元"), ("填报单位：县住建局", None), ("金额单位：人民币万元", "万元"), ("单　位：万元（人民币）", "万元"),
        ("单位 万元", "万元"), ("（万元）", "万元"), ("（户）", None), ("单位：万元、%", None),
    ],
)  # fmt: skip
def test_units_said_above_the_table(text, unit):
    assert header.sheet_unit(text) == unit


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("单位：万元、%", "万元、%"),
        ("单位：人、万元", "人、万元"),
        ("单位：万元", None),
        ("填报单位：万和镇、亿丰乡", None),
    ],
)
def test_several_units_above_the_table_are_told(text, odd):
    assert header.odd_unit(text) == odd


def test_subtotals_are_compared_with_their_own_part():
    foot = ledger.Foot(["名称", "金额"], ["名称", "金额"])
    rows = [("a", 1.0), ("小计", 1.0), ("b", 2.0), ("c", "3,000.5"), ("小计", 9.0), ("总计", 3003.5), ("总计", 3.0)]
    records = [line for line, cells in enumerate(rows, 1) if foot.is_record(cells, line)]
    assert records == [1, 3, 4]
    told = [
        text
        for code, text in foot.findings(lambda sums: foot.add_rows(sums, enumerate(rows, 1)))
        if code == "total_mismatch"
    ]
    assert len(told) == 1
    assert re.search("第 5 行.*小计写 9，明细相加为 3002.5（2 行）", told[0])


PAIRS = [["填报单位", "县住建局", "", ""], ["填报日期", "2026-01-02", "", ""], ["联系人", "张三", "", ""]]
TABLE = [
    ["项目", "地点", "面积", "户数"],
    ["甲", "东街", "12", "3"],
    ["乙", "西街", "15", "8"],
    ["丙", "南街", "9", "2"],
]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (PAIRS + TABLE, (3, 1)), ([*PAIRS, ["", "", "", ""], *TABLE], (4, 1)), (TABLE, (0, 1)),
        ([["地区", "人口", "", "备注"], ["", "男", "女", ""], ["甲", "1", "2", "无"], ["乙", "3", "4", "有"]], (0, 2)),
        ([["名称", "数量"], ["甲", "12", "x"], ["乙", "15", "y"], ["丙", "9", "z"]], (0, 1)),
    ],
)  # fmt: skip
def test_pairs_above_a_wider_table_are_not_its_names(rows, place):
    found = shape.guess(rows)
    assert (found.start, found.depth) == place
