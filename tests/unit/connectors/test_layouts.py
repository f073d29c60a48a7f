"""`hub read` on tables as offices lay them out: titles, groups, units, totals, notes, forms, pages."""

from __future__ import annotations

import io

import pytest
import xlsxwriter

from connectors.drivers import open_driver
from connectors.spec import Connector
from schemas.errors import SourceChanged
from tests.tables import FIGURES, MORE, MORE_SPELT, SPELT, TOWNS, H, book, written

OTHER = [[town, f"{n}.25", n] for n, town in enumerate(TOWNS[:4])]
LONE = "这一行只填了一格"
# Rows as a statistics office lays them out: the names, the records, what is told, how many rows are set aside.
LAID_OUT = {
    "two languages, then units": (
        [["地区", "人口", "产值"], ["Region", "Population", "GDP"], ["", "(万人)", "(亿元)"], *FIGURES],
        ["地区/Region", "人口/Population（万人）", "产值/GDP（亿元）"], SPELT, "以亿元计", 0,
    ),
    "years over months": (
        [["项目", "2024年", "", "2025年", ""], ["", "1月", "2月", "1月", "2月"], *[[t, n, n, n, n] for n, t in enumerate(TOWNS)]],
        ["项目", "2024年/1月", "2024年/2月", "2025年/1月", "2025年/2月"], [[t, *[str(n)] * 4] for n, t in enumerate(TOWNS)], "", 0,
    ),
    "three rows of names": (
        [["序号", "2025年", "", ""], ["", "计划", "完成", ""], ["", "", "数量", "占比"], *[[n, n, n, n] for n in range(1, 6)]],
        ["序号", "2025年/计划", "2025年/完成/数量", "2025年/完成/占比"], [[str(n)] * 4 for n in range(1, 6)], "", 0,
    ),
    "columns numbered": ([["地区", "户数", "人口"], ["甲", "1", "2"], *FIGURES], ["地区", "户数", "人口"], SPELT, "各列的编号", 0),
    "columns with names like numbers": ([["地区", "户数"], ["甲", 1], ["乙", 2]], ["地区", "户数"], [["甲", "1"], ["乙", "2"]], "", 0),
    "headings and notes between": (
        [["地区", "户数", "人口"], ["一、平原", "", ""], *FIGURES[:3], ["第1页", "", ""], *FIGURES[3:], ["（不含流动人口）", "", ""]],
        ["地区", "户数", "人口"], SPELT, LONE, None,
    ),
    "many lines above": (
        [*[[f"说明{n}：请注意口径。", "", ""] for n in range(40)], ["地区", "户数", "人口"], *FIGURES],
        ["地区", "户数", "人口"], SPELT, "表上文字", 0,
    ),
    "totals with brackets and by page": (
        [["地区", "户数", "人口"], *FIGURES, ["本页小计", 125, ""], ["合计（户）", 125, ""], ["总 计（大写）壹佰", "", ""]],
        ["地区", "户数", "人口"], SPELT, "去掉了 3 行合计", 0,
    ),
    "a total nobody filled in": ([["地区", "户数"], *[row[:2] for row in FIGURES], ["TOTAL", ""]], ["地区", "户数"], [row[:2] for row in SPELT], "去掉了 1 行合计", 0),
    "groups that are named over each column": (
        [["序号", "2023年", "2023年", "2024年", "2024年"], ["", "户数", "产值", "户数", "产值"], *[[n, n, n, n, n] for n in range(1, 6)]],
        ["序号", "2023年/户数", "2023年/产值", "2024年/户数", "2024年/产值"], [[str(n)] * 5 for n in range(1, 6)], "", 0,
    ),
    "days over figures": ([["地区", "20240101", "20240102"], *FIGURES], ["地区", "20240101", "20240102"], SPELT, "", 0),
    "a total in English behind a blank": (
        [["No.", "Town", "Households"], *[[n, *row[:2]] for n, row in enumerate(FIGURES, 1)], ["", "Total", 125]], ["No.", "Town", "Households"],
        [[str(n), *row[:2]] for n, row in enumerate(SPELT, 1)], "去掉了 1 行合计", 0,
    ),
    "who signs it": ([["地区", "户数", "人口"], *FIGURES, ["填报人签字：", "", "年  月  日"]], ["地区", "户数", "人口"], SPELT, "1 行签字", 0),
    "a row of blanks": ([["地区", "户数", "人口"], *FIGURES, ["　", " ", "　"]], ["地区", "户数", "人口"], SPELT, "", 0),
    "a title with the unit beside it": (
        [["2024年人口统计", "", "单位：人"], ["地区", "户数", "人口"], *FIGURES], ["地区", "户数", "人口"], SPELT, "以人计", 0,
    ),
    "a title with the year beside it": (
        [["人口统计表", "", "", "2024年"], ["地区", "户数", "人口", "村数"], *[[*row, 3] for row in FIGURES]],
        ["地区", "户数", "人口", "村数"], [[*row, "3"] for row in SPELT], "表上文字：人口统计表 2024年", 0,
    ),
    "a title with its number beside it": (
        [["Population by town", "", "Table 3", ""], ["Town", "Households", "Population", "Area"], *[[*row, 3] for row in FIGURES]],
        ["Town", "Households", "Population", "Area"], [[*row, "3"] for row in SPELT], "表上文字", 0,
    ),
    "a total above": ([["地区", "户数", "人口"], ["总计", 125, 12.5], *FIGURES], ["地区", "户数", "人口"], SPELT, "去掉了 1 行合计", 0),
    "another table below its title": (
        [["地区", "户数", "人口"], *FIGURES, ["", "", ""], ["表二", "", ""], ["地区", "产值", "企业数"], *OTHER],
        ["地区", "户数", "人口"], SPELT, "行起像是另一张表", 6,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("shape", LAID_OUT)
def test_layouts_of_statistics_offices(read, shape, kind):
    rows, header, records, told, aside = LAID_OUT[shape]
    found = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert found[:2] == (header, records)
    assert told in found[2]
    assert "明细相加" not in found[2]
    assert aside is None or f"退回 {aside}" in found[2]


SUBTOTALS = [["城关镇", "60"], ["　东村", "30"], ["　西村", "30"], ["水泉乡", "50"], ["　南村", "25"], ["　北村", "25"]]
CODED = [[f"A{n:03}", f"名{n}", str(n)] for n in range(8)]
NOT_ADDED = "明细相加"
# Rows as offices lay them out: the names, the records, what is told, how many rows are set aside.
ODD = {
    "a town without figures": ([H, *MORE[:3], ["丁镇", "", ""], *MORE[3:]], H, [*MORE_SPELT[:3], ["丁镇", "", ""], *MORE_SPELT[3:]], "", 0),
    "a code without the rest": ([["编号", "名称", "数"], *CODED, ["A009", "", ""]], ["编号", "名称", "数"], [*CODED, ["A009", "", ""]], "", 0),
    "headings of groups of towns": ([H, ["平原乡镇", "", ""], *MORE[:3], ["山区乡镇", "", ""], *MORE[3:]], H, MORE_SPELT, "小标题", 2),
    "columns numbered from behind two letters": (
        [["序号", *H], ["甲", "乙", "1", "2"], *[[n, *row] for n, row in enumerate(MORE, 1)]], ["序号", *H], [[str(n), *row] for n, row in enumerate(MORE_SPELT, 1)],
        "各列的编号", 0,
    ),
    "subtotals behind a blank serial number": (
        [["序号", "片区", *H[:2]], [1, "东片", *MORE[0][:2]], [2, "东片", *MORE[1][:2]], ["", "东片", "小计", 23], [3, "西片", *MORE[2][:2]], ["", "西片", "小计", 16]],
        ["序号", "片区", *H[:2]], [["1", "东片", *MORE_SPELT[0][:2]], ["2", "东片", *MORE_SPELT[1][:2]], ["3", "西片", *MORE_SPELT[2][:2]]], "去掉了 2 行合计", 0,
    ),
    "who filled it in, with the day": ([H, *MORE, ["制表：李四", "", "2024年7月1日"]], H, MORE_SPELT, "1 行签字", 0),
    "columns numbered in brackets": ([H, ["（1）", "（2）", "（3）"], *MORE], H, MORE_SPELT, "各列的编号", 0),
    "columns numbered and worked out": ([[*H, "均"], ["甲", "1", "2", "3=2/1"], *[[*row, 2] for row in MORE]], [*H, "均"], [[*row, "2"] for row in MORE_SPELT], "各列的编号", 0),
    "columns numbered over figures": (
        [["年份", "人口", "户数", "产值"], [1, 2, 3, 4], [2019, 500, 200, 81], [2020, 510, 201, 82]],
        ["年份", "人口", "户数", "产值"], [["2019", "500", "200", "81"], ["2020", "510", "201", "82"]], "像是各列的编号", 1,
    ),
    "a serial number that goes on": (
        [["序号", "等级", "数量", "得分"], [1, 2, 3, 4], [2, "一级", 5, 6]], ["序号", "等级", "数量", "得分"],
        [["1", "2", "3", "4"], ["2", "一级", "5", "6"]], "", 0,
    ),
    "a line under the names": ([H, ["---", "----", "---"], *MORE], H, MORE_SPELT, "", 0),
    "part of a total at the foot": (
        [H, *MORE, ["合计", 105, 705], ["其中：城镇", 50, 300], ["农村", 55, 405]], H, MORE_SPELT, "像是合计的一部分", 2,
    ),
    "part of a total above": ([H, ["合计", 105, 705], ["其中：市区", 5, 6], *MORE], H, MORE_SPELT, "像是合计的一部分", 1),
    "an indicator's part": ([["指标", "数值"], ["收入", 100], ["其中：税收", 80]], ["指标", "数值"], [["收入", "100"], ["其中：税收", "80"]], "", 0),
    "pairs above as wide as the table": (
        [["填报单位", "县住建局"], ["填报日期", "2025-01-01"], H[:2], *[row[:2] for row in MORE]], H[:2], [row[:2] for row in MORE_SPELT], "县住建局", 0,
    ),
    "a column called as the pairs above are": (
        [["填报单位", "户数"], ["甲局", 5], ["乙局", 6]], ["填报单位", "户数"], [["甲局", "5"], ["乙局", "6"]], "", 0,
    ),
    "a total above indented subtotals": ([["地区", "户数"], ["合计", 110], *SUBTOTALS], ["地区", "户数"], SUBTOTALS, "去掉了 1 行合计", 0),
    "a page's foot and head": (
        [["某县统计表", "", ""], H, *MORE[:3], ["第 1 页 共 2 页", "", ""], H, *MORE[3:]], H, MORE_SPELT, "1 行分隔线或页码", 0,
    ),
    "names of two rows on each page": (
        [["乡镇", "2025年", ""], ["", "户数", "人口"], *MORE[:3], ["乡镇", "2025年", ""], ["", "户数", "人口"], *MORE[3:]],
        ["乡镇", "2025年/户数", "2025年/人口"], MORE_SPELT, "2 行重复的表头", 0,
    ),
    "names of two rows on each page, where most are blank": (
        [["姓名", "人数", "", "状态", "联系电话"], ["", "男", "女", "", ""], *[[*row, "在办", "1"] for row in MORE[:3]],
         ["姓名", "人数", "", "状态", "联系电话"], ["", "男", "女", "", ""], *[[*row, "在办", "1"] for row in MORE[3:]]],
        ["姓名", "人数/男", "人数/女", "状态", "联系电话"], [[*row, "在办", "1"] for row in MORE_SPELT], "2 行重复的表头", 0,
    ),
    "names as labels and values are": (
        [["单位名称", "户数", "学历", "", "面积", "姓名", "完成率"], ["", "", "本科", "专科", "", "", ""], *[[*row, 1, 2, "王", "5%"] for row in MORE]],
        ["单位名称", "户数", "学历/本科", "学历/专科", "面积", "姓名", "完成率"], [[*row, "1", "2", "王", "5%"] for row in MORE_SPELT], "", 0,
    ),
    "a title over two names, the second mostly blank": (
        [["2024年3月台账", ""], ["乡镇", "备注"], *[[row[0], "已报" if n == 2 else ""] for n, row in enumerate(MORE)]],
        ["乡镇", "备注"], [[row[0], "已报" if n == 2 else ""] for n, row in enumerate(MORE)], "表上文字", 0,
    ),
    "who sealed and sent it": (
        [H, *MORE, ["制表单位（盖章）：县统计局", "", "2025年3月"], ["报出日期：2025-03-01", "", ""]], H, MORE_SPELT, "2 行签字", 0,
    ),
    "a delimiter too many in all rows": ([[*H, "", ""], *[[*row, "", ""] for row in MORE]], H, MORE_SPELT, "", 0),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("shape", ODD)
def test_odd_layouts(read, shape, kind):
    rows, header, records, told, aside = ODD[shape]
    found = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert found[:2] == (header, records)
    assert told in found[2]
    assert NOT_ADDED not in found[2]
    assert f"退回 {aside}\n" in found[2]


def test_a_total_that_agrees_with_no_level_of_indentation_is_told(read):
    assert "合计写 109，明细相加为 220" in read(written([["合计", 109], *SUBTOTALS], ["地区", "户数"]))[2]


@pytest.mark.parametrize(
    "text",
    [
        "|乡镇|户数|\n|---|---:|\n|东镇|5|\n|西镇|6|\n",
        "+----+----+\n|乡镇|户数|\n+----+----+\n|东镇|5|\n|西镇|6|\n+----+----+\n",
        "乡镇|户数\n---+---\n东镇|5\n西镇|6\n(2 rows)\n",
    ],
)
def test_tables_drawn_with_strokes(read, text):
    assert read(text)[:2] == (["乡镇", "户数"], [["东镇", "5"], ["西镇", "6"]])


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_groups_over_sub_headers_of_texts_only(read, kind):
    rows = [["类别", "责任", "", "时限"], ["", "牵头单位", "责任人", ""], ["营商", "甲局", "张三", "年底前"], ["热线", "乙局", "李四", "长期"]]  # fmt: skip
    header, found, _ = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (header, found) == (["类别", "责任/牵头单位", "责任/责任人", "时限"], rows[2:])


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("months", [["2025/1/1", "2025/2/1"], ["2025-01", "2025-02"], ["202501", "202502"]])
def test_days_and_months_over_figures_are_names(read, kind, months):
    rows = [["乡镇", *months], *MORE]
    header, found, _ = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (header, found) == (rows[0], MORE_SPELT)


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_a_first_record_with_a_day_is_no_header(read, kind):
    rows = [["东镇", "2025-01-01", "10"], ["西镇", "2025-01-02", "11"], ["南镇", "2025-01-03", "12"]]
    header, found, _ = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (header, found) == (["列1", "列2", "列3"], rows)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("姓名：张三\n电话：138\n\n姓名：李四\n电话：139\n", "填好的表单"),
        ("姓名：张三，电话：138\n姓名：李四，电话：139\n姓名：王五，电话：137\n", "填好的表单"),
        ("INSERT INTO t (id,name) VALUES (1,'张');\nINSERT INTO t (id,name) VALUES (2,'李');\n", "是 SQL 语句"),
        ("-- 导出\n/*!40101 SET NAMES utf8 */;\nCREATE TABLE t (id int);\n", "是 SQL 语句"),
    ],
)
def test_what_is_told_in_words_is_no_table(read, text, told):
    with pytest.raises(SourceChanged, match=told):
        read(text)


def test_columns_of_fixed_width_are_told(read):
    lines = ["0001张三丰男19800101", "0002李四方女19810203", "0003王五  男19790408"]
    header, found, said = read("\n".join([*lines, ""]))
    assert (header, [row[0] for row in found]) == (["列1"], lines)
    assert "没有认出分隔符" in said
    assert "没有认出分隔符" in read("\n".join(["编号姓名性别", *lines, ""]))[2]
    assert "没有认出分隔符" not in read("名称\n张三\n李四光\n欧阳\n")[2]


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_who_filled_it_in_is_no_name(read, kind):
    rows = [
        ["低保台账", "", ""],
        ["填表单位：民政局", "", "填表日期：2025-1-3"],
        H,
        *MORE,
        ["填表人：张三", "", "审核人：李四"],
    ]
    header, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (header, found) == (H, MORE_SPELT)
    assert "表上文字：填表单位：民政局 填表日期：2025-1-3" in said


def test_a_name_merged_down_to_the_units(read):
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as workbook:
        sheet = workbook.add_worksheet()
        sheet.merge_range("A1:A3", "指标")
        sheet.merge_range("B1:C1", "绝对数")
        for number, row in enumerate([["2023年", "2024年"], ["亿元", "%"], [1, 2], [3, 4]], 1):
            sheet.write_row(number, 1, row)
        sheet.write_column("A4", ["产值", "收入"])
    header, found, said = read(made.getvalue())
    assert header == ["指标", "绝对数/2023年（亿元）", "绝对数/2024年（%）"]
    assert found == [["产值", "1", "2"], ["收入", "3", "4"]]
    assert "以亿元计" in said


@pytest.mark.parametrize(
    "text",
    [
        "乡镇   户数   人口\n城关镇   100   400\n水泉乡   113   431\n大河镇   126   462\n",
        "SQL> select * from emp;\n\n EMPNO ENAME\n------ ----------\n  7369 SMITH\n\n1 row selected.\n",
        "CODE  NAME      TOWN\n0001  Ann Lee   East\n0002  Bob       \n0003            West\n",
    ],
)
def test_columns_set_out_with_blanks_are_refused(read, text):
    with pytest.raises(SourceChanged, match="空格对齐"):
        read(text)


def test_values_behind_their_labels_are_refused(read):
    with pytest.raises(SourceChanged, match="填好的表单"):
        read("user_id=1,town=东\nuser_id=3,town=西\nuser_id=5,town=南\n")


def test_numbers_as_a_narrow_column_shows_them_are_told(read):
    assert "末位已失真" in read("姓名,电话\n张,1.38E+10\n李,13900002222\n")[2]
    assert "末位已失真" not in read("姓名,值\n张,1.5E+03\n李,13900002222\n")[2]


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_the_month_beside_the_unit_is_no_name(read, kind):
    rows = [
        ["某县经济指标", "", "", ""],
        ["单位：万元", "", "", "2025年9月"],
        ["指标", "本期", "上年同期", "增长%"],
        ["收入", 12, 11, 9],
        ["支出", 34, 32, 6],
    ]
    header, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (header, len(found), "以万元计" in said) == (rows[2], 2, True)


WAN = [["乡镇", "产值（万元）"], ["东镇", 5], ["西镇", 6], ["南镇", 7]]


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize(
    ("rows", "read_in", "aside"),
    [
        ([*WAN, ["乡镇", "产值（元）"], ["北镇", 80000]], 3, 2),
        ([*WAN, ["乡镇", "产值（万元）"], ["北镇", 8]], 4, 0),
        ([["单位：万元", ""], ["乡镇", "产值"], *WAN[1:], ["单位：元", ""], ["北镇", 80000]], 3, 2),
        ([["单位：万元", ""], ["乡镇", "产值"], *WAN[1:], ["单位：万元", ""], ["北镇", 8]], 4, None),
    ],
)
def test_another_unit_from_some_line_on_is_not_read_as_the_first(read, rows, read_in, aside, kind):
    _, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert len(found) == read_in
    assert aside is None or f"退回 {aside}\n" in said


def test_a_unit_alone_in_its_line_ends_what_was_said_above(read):
    text = "单位：万元\n乡镇,产值\n东镇,5\n西镇,6\n南镇,7\n单位：元\n北镇,80000\n"
    assert (len(read(text)[1]), "第 6 行起像是另一张表" in read(text)[2]) == (3, True)


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_years_over_names_that_come_again_tell_them_apart(read, kind):
    rows = [
        ["", "2022年", "", "2023年", ""],
        ["指标", "绝对数", "增长%", "绝对数", "增长%"],
        ["产值", 100, 5, 110, 10],
        ["收入", 50, 3, 55, 10],
    ]
    header, found, _ = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (header, len(found)) == (["指标", "2022年/绝对数", "2022年/增长%", "2023年/绝对数", "2023年/增长%"], 2)


def test_what_databases_write_for_nothing_and_under_names(read):
    assert read("编号\t名称\n1\t\\N\n2\t乙\n3\tC:\\New\n")[1] == [["1", ""], ["2", "乙"], ["3", "C:\\New"]]
    _, found, said = read("编号,名称\n1,\\N\n2,乙\n")
    assert (found, "像是数据库里没有填的值" in said) == ([["1", "\\N"], ["2", "乙"]], True)
    assert read("ID,NAME\n--,----\n1,A\n2,B\n")[1] == [["1", "A"], ["2", "B"]]
    assert read("ID,NAME\n-,-\n1,A\n2,B\n")[1] == [["-", "-"], ["1", "A"], ["2", "B"]]


def test_groups_over_known_names_belong_to_them(read):
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as workbook:
        sheet = workbook.add_worksheet()
        for cells, text in (("A1:A2", "序号"), ("B1:C1", "责任"), ("D1:D2", "时限")):
            sheet.merge_range(cells, text)
        sheet.write_row("B2", ["牵头单位", "责任人"])
        sheet.write_row("A3", [1, "县住建局", "张三", "长期"])
    header, found, _ = read(made.getvalue())
    assert (header, found) == (["序号", "责任/牵头单位", "责任/责任人", "时限"], [["1", "县住建局", "张三", "长期"]])


def test_a_heading_merged_over_all_columns_is_no_record(read):
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate([["姓名", "金额"], [], ["张", 5], [], ["李", 6]]):
            sheet.write_row(number, 0, row)
        sheet.merge_range("A2:B2", "一、城镇")
        sheet.merge_range("A4:B4", "二、农村")
    _, found, said = read(made.getvalue())
    assert (found, "退回 2" in said) == ([["张", "5"], ["李", "6"]], True)


def test_lines_in_quotes_as_a_whole_are_told(read):
    assert "整行都写在一对引号里" in read('"乡镇,户数"\n"东镇,1"\n"西镇,2"\n')[2]
    assert "引号" not in read("乡镇\n东镇\n西镇\n")[2]


@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_a_connector_reads_no_other_unit_as_its_own(tmp_path, kind):
    """Mapped by their bare names the second names are the first ones once more, but for the unit."""
    rows = [*WAN, ["乡镇", "产值（万元）"], ["河镇", 8], ["乡镇", "产值（元）"], ["北镇", 80000]]
    path = tmp_path / "表"
    path.write_bytes(written(rows[1:], rows[0]).encode() if kind == "csv" else book(rows))
    source = {"driver": kind, "path": str(path), "settle": 0}
    made = Connector(
        id="d/x", dept="d", title="", dataset="x", source=source, mode="file", cursor=None, lookback="0s", schedule=None, pool="",
        timezone="Asia/Shanghai", fields={"town": "乡镇", "output": "产值"}, constants={}, path=path,
    )  # fmt: skip
    [delivery] = open_driver(made).deliveries(None, set())
    found = [(row["乡镇"], row["_flaw"] is None) for batch in delivery.batches() for row in batch.to_pylist()]
    assert [town for town, sound in found if sound] == ["东镇", "西镇", "南镇", "河镇"]
    assert ("北镇", False) in found


TWO_ROWS = [["乡镇", "人口", "", "户数"], ["", "男", "女", ""], ["东镇", 6, 4, 3], ["西镇", 9, 11, 7]]


@pytest.mark.parametrize(
    ("text", "fields", "rows"),
    [
        (written(TWO_ROWS[1:], TWO_ROWS[0]), ["乡镇", "人口/女"], [["东镇", "4"], ["西镇", "11"]]),
        (written(MORE, H).replace(",", "~"), ["乡镇", "人口"], [[row[0], row[2]] for row in MORE_SPELT]),
        (written(MORE, H).replace(",", "\x01"), ["人口", "乡镇"], [[row[2], row[0]] for row in MORE_SPELT]),
        ("town n p\nEast 5 6\nWest 7 8\nNorth 9 10\n", ["p", "town"], [["6", "East"], ["8", "West"], ["10", "North"]]),
    ],
)
def test_a_connector_reads_what_the_preview_showed(tmp_path, text, fields, rows):
    path = tmp_path / "表"
    path.write_text(text)
    source = {"driver": "file", "path": str(path), "settle": 0}
    made = Connector(
        id="d/x", dept="d", title="", dataset="x", source=source, mode="file", cursor=None, lookback="0s", schedule=None, pool="",
        timezone="Asia/Shanghai", fields={f"f{n}": name for n, name in enumerate(fields)}, constants={}, path=path,
    )  # fmt: skip
    [delivery] = open_driver(made).deliveries(None, set())
    assert [[row[name] for name in fields] for batch in delivery.batches() for row in batch.to_pylist()] == rows


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize("notes", [70, 150])
def test_a_table_far_below_its_notes(read, notes, kind):
    rows = [*[[f"说明{n}：以文件为准。", "", ""] for n in range(notes)], H, *MORE]
    if kind == "text":
        made = "".join(f"说明{n}：以文件为准。\n" for n in range(notes)) + written(MORE, H)
    assert read(book(rows) if kind == "workbook" else made)[:2] == (H, MORE_SPELT)


def test_a_sheet_that_begins_far_below(read):
    assert read(book([*[[""]] * 1200, H, *MORE]))[:2] == (H, MORE_SPELT)


def test_the_names_on_each_page_of_a_client_of_databases(read):
    page = "  ID|XM      \n----|--------\n"
    header, rows, _ = read(page + "   1|甲      \n   2|乙      \n   3|丙      \n\n" + page + "   4|丁      \n")
    assert (header, [row[1].strip() for row in rows]) == (["ID", "XM"], ["甲", "乙", "丙", "丁"])


def test_a_merged_cell_and_one_more_are_a_record(read, tmp_path):
    path = tmp_path / "并.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        for row, cells in enumerate([H, ["甲", 1, 2], ["乙", 3, 4], ["", 5, ""], ["丙", 6, 7]]):
            sheet.write_row(row, 0, cells)
        sheet.merge_range(2, 0, 3, 0, "乙")
    assert read(path.read_bytes())[1] == [["甲", "1", "2"], ["乙", "3", "4"], ["乙", "5", ""], ["丙", "6", "7"]]


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize(
    ("above", "names"),
    [
        ([["XM", "XB", "JE"], ["姓名", "性别", "金额"]], ["XM/姓名", "XB/性别", "JE/金额"]),
        ([["姓名", "性别", "金额"], ["varchar(20)", "char(2)", "decimal(18,2)"]], ["姓名", "性别", "金额"]),
        ([["姓名", "性别", "金额"], ["文本", "文本", "数字"]], ["姓名", "性别", "金额"]),
    ],
)
def test_rows_below_the_names_that_explain_them(read, above, names, kind):
    records = [[f"甲{n}", "男", n] for n in range(1, 6)]
    rows = [*above, *records]
    found = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert found[:2] == (names, [[str(cell) for cell in row] for row in records])


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_a_row_of_numbers_with_a_name_of_its_own_is_no_record(read, kind):
    rows = [["名", "计划", "完成"], ["栏次", 1, 2], ["甲", 5, 6], ["乙", 7, 8]]
    _, found, told = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (found, "列的编号" in told or kind == "workbook") == ([["甲", "5", "6"], ["乙", "7", "8"]], True)


def test_a_second_table_under_a_title_of_its_own_in_two_columns(read):
    rows = [["名", "数"], ["甲", 5], ["乙", 6], [], ["表二"], ["姓名", "额"], ["丙", 7], ["丁", 8]]
    with pytest.raises(SourceChanged, match="第 6 行起像是另一张表"):
        read(book([*rows, ["戊", 9]]))
    assert read(book([["名", "数"], ["丙", 3], ["丁", 4], *rows[1:]]))[1] == [
        ["丙", "3"], ["丁", "4"], ["甲", "5"], ["乙", "6"], ["表二", ""],
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (["单位", "人数"], [["城关镇", "1998"], ["水泉乡", "3000"], ["河西乡", "581"]]),
        (["姓名", "出生年"], [["张三", "1998"], ["李四", "1987"], ["王五", "2001"]]),
    ],
)
def test_a_first_record_with_a_year_is_no_header(read, names, rows, kind):
    given = [[name, float(year)] for name, year in rows]
    assert read(book([names, *given]) if kind == "workbook" else written(rows, names))[:2] == (names, rows)
    above = ["填报单位", "县住建局"]
    data = [["地区", "2023"], ["甲县", "5"], ["乙县", "6"]]
    assert read(book([above, *data]) if kind == "workbook" else written(data, above))[:2] == (data[0], data[1:])


def test_merged_cells_show_the_header_of_a_short_table(read):
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as workbook:
        sheet = workbook.add_worksheet()
        sheet.merge_range("A1:E1", "河长名单")
        sheet.merge_range("A2:A3", "河流")
        for place, name in (("B2:C2", "县级"), ("D2:E2", "乡级")):
            sheet.merge_range(place, name)
        sheet.write_row("B3", ["姓名", "职务", "姓名", "职务"])
        sheet.write_row("A4", ["大河", "张", "县长", "李", "镇长"])
        sheet.write_row("A5", ["小河", "王", "局长", "赵", "乡长"])
    header, rows, _ = read(made.getvalue())
    assert header == ["河流", "县级/姓名", "县级/职务", "乡级/姓名", "乡级/职务"]
    assert [row[0] for row in rows] == ["大河", "小河"]


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_one_record_among_titles_and_notes(read, kind):
    rows = [
        ["附件2", "", ""],
        ["（截至6月30日）", "", ""],
        ["企业名称", "问题", "投资"],
        ["东街食品公司", "已整改", ""],
        ["注：初步统计。", "", ""],
        ["2.部分未报。", "", ""],
    ]
    header, records, _ = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (header, records) == (["企业名称", "问题", "投资"], [["东街食品公司", "已整改", ""]])


def test_labels_over_texts_are_names(read):
    rows = [["汉族", "本科"], ["彝族", "大专"], ["汉族", "高中"]]
    assert read(written(rows, ["民族", "学历"]))[:2] == (["民族", "学历"], rows)
    assert "没有找到表头" in read(written(rows, ["汉族", "中专"]))[2]
