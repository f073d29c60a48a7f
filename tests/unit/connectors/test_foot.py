"""`hub read` on what stands among and below the records and is none: totals, what leans on other rows, examples, notes, signatures."""

from __future__ import annotations

import io

import pytest
import xlsxwriter

from tests.tables import MORE, MORE_SPELT, TOWNS, H, book, written

LONE = "这一行只填了一格"
NOT_ADDED = "明细相加"

WORKED_OUT = "由别的行算出来的一行"
# Rows that are worked out of others, or lean on them: nothing of them passes for a record.
LEANING = {
    "an average at the foot": ([H, *MORE, ["平均", 17.5, 117.5]], [*MORE_SPELT], WORKED_OUT, 1),
    "pages carried over": ([H, ["承前页", 9, 9], *MORE, ["过次页", 114, 714]], MORE_SPELT, WORKED_OUT, 2),
    "totals in other words": ([H, *MORE, ["共计", 105, 705], ["总 数", 105, 705]], MORE_SPELT, "去掉了 2 行合计", 0),
    "a part's total with a blank": ([H, *MORE, ["平原片 小计", 105, 705]], MORE_SPELT, "去掉了 1 行合计", 0),
    "the same as above": ([H, *MORE[:3], ["丁镇", "同上", "〃"], *MORE[3:]], MORE_SPELT, "写的是“同上”之类", 1),
    "numbers printed beforehand": (
        [["序号", *H], *[[n, *row] for n, row in enumerate(MORE, 1)], *[[n, "", "", ""] for n in range(7, 12)]],
        [[str(n), *row] for n, row in enumerate(MORE_SPELT, 1)], "有 5 行只有序号", 0,
    ),
    "headings with numerals": (
        [["序号", *H], ["一", "平原片", "", ""], *[[n, *row] for n, row in enumerate(MORE, 1)], ["二、", "山区", 9, 9]],
        [[str(n), *row] for n, row in enumerate(MORE_SPELT, 1)], "序号是汉字数字", 2,
    ),
    "the whole county": (
        [H, ["全县", 106, 706], *MORE], [["全县", "106", "706"], *MORE_SPELT], "“全县”像是别的行的合计", 0,
    ),
    "the whole county, which is the sum": ([H, ["全县", 105, 705], *MORE], MORE_SPELT, "去掉了 1 行合计", 0),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("leaning", LEANING)
def test_rows_that_lean_on_others_are_no_records(read, leaning, kind):
    rows, records, told, aside = LEANING[leaning]
    header, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (header, found) == (rows[0], records)
    assert told in said
    assert f"退回 {aside}" in said
    assert NOT_ADDED not in said


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("word", ["Total", "Grand Total", "Sub-total:", "TOTAL"])
def test_totals_in_english_are_left_out_when_they_add_up(read, word, kind):
    rows = [["Town", "Households"], ["A", 1], ["B", 2], [word, 3], ["C", 5]]
    _, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert ([row[0] for row in found], "去掉了 1 行合计" in said) == (["A", "B", "C"], True)
    rows[3][1] = 4
    _, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (len(found), "像是别的行的合计" in said) == (4, True)


def test_a_total_whose_formula_has_no_value_is_no_row_set_aside(read):
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate([H, *MORE]):
            sheet.write_row(number, 0, row)
        sheet.write(7, 0, "合计")
        sheet.write_formula(7, 1, "=SUM(B2:B7)", None, "")
    _, found, said = read(made.getvalue())
    assert (found, "公式还没有算出值" in said, "退回 0" in said) == (MORE_SPELT, False, True)


AREAS = [
    ["片区", "乡镇", "户数"],
    ["平原", "东镇", 1],
    ["平原", "西镇", 2],
    ["平原", "小计", 3],
    ["山区", "南镇", 4],
    ["山区", "小计", 4],
    ["全县", "合计", 7],
]
FOUR = [["平原", "东镇", "1"], ["平原", "西镇", "2"], ["山区", "南镇", "4"]]
# Rows that say 小计 behind a filled first cell: what is read, and what is told.
BEHIND = {
    "sums of the rows above": (AREAS, FOUR, "去掉了 3 行合计"),
    "one of them wrong": ([*AREAS[:5], ["山区", "小计", 5], AREAS[6]], FOUR, "第 6 行“户数”小计写 5，明细相加为 4"),
    "above their rows": ([AREAS[0], AREAS[6], AREAS[3], *AREAS[1:3], AREAS[5], AREAS[4]], FOUR, "去掉了 3 行合计"),
    "no sum at all": ([*AREAS[:3], ["平原", "小计", 9]], [*FOUR[:2], ["平原", "小计", "9"]], "第 4 行“小计”像是别的行的合计"),
    "no such row": ([*AREAS[:3], AREAS[4]], FOUR, "退回 0"),
    "nothing to add up": (
        [AREAS[0], ["平原", "东镇", 0], ["平原", "西镇", 0], ["平原", "小计", 0]], [["平原", "东镇", "0"], ["平原", "西镇", "0"]], "去掉了 1 行合计",
    ),
    "in other words": ([AREAS[0], *AREAS[1:3], ["以上合计", "", 3]], FOUR[:2], "去掉了 1 行合计"),
    "far behind": (
        [["县", "片区", "乡镇", "村", "户数"], ["某县", "平原", "东镇", "甲村", 1], ["某县", "平原", "东镇", "合计", 1]],
        [["某县", "平原", "东镇", "甲村", "1"]], "去掉了 1 行合计",
    ),
    "without a name": ([*AREAS[:3], ["", "", 3]], FOUR[:2], "去掉了 1 行合计"),
    "without a name, and no sum": ([*AREAS[:3], ["", "", 4]], [*FOUR[:2], ["", "", "4"]], "退回 0"),
    "rows without a name are usual": (
        [["备注", "编号", "户数"], ["x", 1, 1], ["", 2, 2], ["", 3, 3]], [["x", "1", "1"], ["", "2", "2"], ["", "3", "3"]], "退回 0",
    ),
    "without a name, over the signature": ([*AREAS[:3], ["", "", 3], ["制表人：张", "", ""]], FOUR[:2], "去掉了 1 行合计、1 行签字"),
    "behind a serial number": (
        [["序号", "乡镇", "户数"], [1, "东镇", 5], [2, "西镇", 6], [3, "合计", 11]], [["1", "东镇", "5"], ["2", "西镇", "6"]], "去掉了 1 行合计",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("case", BEHIND)
def test_sums_behind_the_name_of_their_group(read, case, kind):
    rows, records, told = BEHIND[case]
    _, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (found, told in said, "退回 0" in said) == (records, True, True)


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_the_total_of_a_month_is_that_of_its_rows(read, kind):
    rows = [
        ["日期", "项目", "金额"],
        ["1日", "甲", 100],
        ["", "本月合计", 100],
        ["2日", "甲", 50],
        ["", "本月合计", 50],
        ["", "本年累计", 150],
    ]
    _, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (len(found), "去掉了 3 行合计" in said, NOT_ADDED in said) == (2, True, False)


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("first", ["示例", "（例）张三", "样例：", "例1"])
def test_an_example_of_how_to_fill_it_in_is_no_record(read, first, kind):
    rows = [H, [first, 5, 6], *MORE]
    found = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert found[1] == MORE_SPELT
    assert "像是填表的示例" in found[2]


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("row", [["必填", "选填", "必填"], ["……", "……", "……"], ["...", "...", "..."]])
def test_what_is_to_be_filled_in_and_what_is_left_out_are_no_records(read, row, kind):
    rows = [H, *MORE[:2], row, *MORE[2:]]
    assert read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))[1] == MORE_SPELT


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_a_seal_without_a_colon_is_no_record(read, kind):
    rows = [H, *MORE, ["单位（盖章）", "", "王某"]]
    assert read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))[1] == MORE_SPELT


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize(
    "word",
    [
        "一季度合计",
        "1月小计",
        "县级合计",
        "总和",
        "汇总",
        "乡镇汇总",
        "累计数",
        "合计：5户",
        "合計",
        "小計",
        "全部",
        "TOTAL GENERAL",
    ],
)
def test_words_for_a_total_that_adds_up(read, word, kind):
    rows = [["乡镇", "户数"], *[[town, n + 1] for n, town in enumerate(TOWNS)], [word, 15]]
    _, found, told = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert found == [[town, str(n + 1)] for n, town in enumerate(TOWNS)]
    assert "去掉了 1 行合计" in told


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("word", ["平均分", "最高分", "上年同期", "增减额"])
def test_a_row_that_compares_or_averages_others_is_told(read, word, kind):
    rows = [["乡镇", "户数"], *[[town, n + 1] for n, town in enumerate(TOWNS)], [word, 4]]
    _, found, told = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (len(found), f"“{word}”像是由别的行算出来的" in told) == (6, True)


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("at", [2, 5])
@pytest.mark.parametrize("note", ["2024年补报", "达标：2；未达标：3"])
def test_a_note_among_two_columns_is_no_record(read, note, at, kind):
    rows = [["乡镇", "达标"], *[[town, "是"] for town in TOWNS]]
    rows.insert(at + 1, [note, ""])
    _, found, told = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert found == [[town, "是"] for town in TOWNS]
    assert LONE in told
    rows[at + 1][0] = "湖镇"
    assert len(read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))[1]) == 6


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_what_is_called_a_total_and_adds_nothing_up_is_told(read, kind):
    rows = [["项目", "数"], ["数据汇总", 7], *[[town, n + 1] for n, town in enumerate(TOWNS)]]
    _, found, told = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (len(found), "“数据汇总”像是别的行的合计" in told) == (6, True)


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_a_record_that_begins_as_a_note_does_and_one_cell_above_the_notes_are_records(read, kind):
    """What is a note's next line stands below it; a note fills no column of figures."""
    rows = [
        ["内容", "户数", "备注"],
        ["噪音", 3, "无"],
        ["注：见附件", 5, ""],
        ["停水", "", ""],
        ["说明：已办", 7, "好"],
    ]
    foot = [["注：数据截至三月底"], ["另见附表"], ["填表人：张三", "审核人：李四"]]
    data = book([*rows, *foot]) if kind == "workbook" else written([*rows[1:], *foot], rows[0])
    _, found, told = read(data)
    assert found == [["噪音", "3", "无"], ["注：见附件", "5", ""], ["停水", "", ""], ["说明：已办", "7", "好"]]
    assert ("退回 0" in told, "2 行说明" in told, "1 行签字" in told) == (True, True, True)


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize(
    "names", [["Region", "Status"], ["Region", "Status", "Comments"], ["Region", "Status", "Lat", "Zone"]]
)
@pytest.mark.parametrize(
    "note", ["Source: Census Bureau", "Notes:", "* Provisional data", "(1) Includes others", "n/a = not available"]
)
def test_notes_in_english_below_a_small_table(read, names, note, kind):
    rows = [
        [f"Town{word}", "Open", *[""] * (len(names) == 3), *["x"] * (len(names) == 4) * 2]
        for word in ("ville", "side", "field")
    ]
    foot = [[note, *[""] * (len(names) - 1)]] * 2
    header, found, told = read(book([names, *rows, *foot]) if kind == "workbook" else written([*rows, *foot], names))
    assert (header, found) == (names, rows)
    assert "说明" in told
