"""`hub read` where a sheet or a file holds more than one table: beside, above, below, or a form."""

from __future__ import annotations

import pytest

from schemas.errors import SourceChanged
from tests.tables import FIGURES, TOWNS, book, written


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_two_tables_side_by_side_are_refused(read, kind):
    rows = [["地区", "户数", "", "地区", "户数"], *[[a[0], a[1], "", a[0], a[1]] for a in FIGURES]]
    with pytest.raises(SourceChanged, match="第 4 列起表头又来一遍"):
        read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))


H = ["乡镇", "户数", "人口"]


MORE = [[town, n * 3 + 10, n * 7 + 100] for n, town in enumerate([*TOWNS, "湖镇"])]


MORE_SPELT = [[str(cell) for cell in row] for row in MORE]


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize(
    "rows",
    [
        [["姓名", "张三", "性别", "男"], ["出生年月", "1980-01", "民族", "汉"], ["单位", "县住建局", "职务", "科长"]],
        [["企业名称", "某公司"], ["统一社会信用代码", "x"], ["法定代表人", "张三"], ["注册资本", "100万元"]],
        [[*H, *H], *[[*row, *row] for row in MORE]],
    ],
)
def test_forms_and_tables_side_by_side_are_refused(read, rows, kind):
    with pytest.raises(SourceChanged, match=r"填好的表单|两张表并排"):
        read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_a_table_above_known_names_is_not_lost(read, kind):
    rows = [["项目", "一月", "二月", "三月"], ["收入", 1, 2, 3], ["支出", 4, 5, 6], ["", "", "", ""], ["单位", "联系人", "电话", "备注"], ["甲局", "张三", "0816-1", "x"]]  # fmt: skip
    with pytest.raises(SourceChanged, match="第 1 行起在第 5 行的表头上面还有一张表"):
        read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_other_names_side_by_side_are_told(read, kind):
    rows = [["乡镇", "户数", "", "村", "人口"], *[[a[0], a[1], "", f"{a[0]}村", a[2]] for a in MORE]]
    _, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (len(found), "第 3 列没有表头也没有内容" in said) == (6, True)


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_another_table_right_below_is_told(read, kind):
    rows = [H, *MORE, ["企业", "法人", "联系电话"], ["甲公司", "张", 138]]
    _, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (found, "第 8 行起像是另一张表" in said, "退回 2" in said) == (MORE_SPELT, True, True)


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_texts_for_figures_are_no_other_table(read, kind):
    rows = [H, *MORE, ["丁镇", "未报", "停报"], ["戊镇", "…", "—"], ["己镇", 1, 2]]
    _, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (len(found), "退回 0" in said) == (9, True)


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([["姓名", "分数"] * 3, ["张", 90, "李", 80, "王", 70], ["赵", 60, "钱", 50, "", ""]], "第 3 列起表头又来一遍"),
        (
            [["序号", "姓名", "序号", "企业"], [1, "张", 1, "甲"], [2, "李", 2, "乙"], [3, "王", "", ""]],
            "第 3 列起表头又来一遍",
        ),
    ],
)
def test_blocks_side_by_side_are_refused(read, rows, told, kind):
    with pytest.raises(SourceChanged, match=told):
        read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_a_table_beside_a_shorter_one_is_told(read, kind):
    rows = [
        ["乡镇", "户数", "企业名称", "税额"],
        ["东镇", 5, "甲", 10],
        ["西镇", 6, "乙", 20],
        ["", "", "丙", 30],
        ["", "", "丁", 40],
    ]
    _, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (len(found), "第 4 行起左边 2 列全空" in said) == (4, True)
    rows[3][:2] = ["南镇", 7]
    rows[4][:2] = ["北镇", ""]
    assert "左边" not in read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))[2]


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize(
    "below", [["注1：含流动人口"], ["附注：常住"], ["来源：县统计局"], ["统计口径：常住"], ["（以下空白）"], ["审批："]]
)
def test_what_stands_below_a_narrow_table_is_no_record(read, below, kind):
    rows = [["乡镇", "户数"], ["东镇", 5], ["西镇", 6], [*below, ""]]
    _, found, said = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert (found, "去掉了 1 行" in said) == ([["东镇", "5"], ["西镇", "6"]], True)


@pytest.mark.parametrize("title", ["", "## 表二\n\n"])
def test_a_second_drawn_table_is_told(read, title):
    text = f"|乡镇|负责人|\n|---|---|\n|东镇|张|\n|西镇|李|\n\n{title}|企业|法人|\n|---|---|\n|甲|张|\n"
    _, found, said = read(text)
    assert (found, "像是另一张表" in said) == ([["东镇", "张"], ["西镇", "李"]], True)


def test_fewer_of_the_names_above_are_another_table(read):
    with pytest.raises(SourceChanged, match="第 1 行起在第 4 行的表头上面还有一张表"):
        read("姓名,性别\n张三,男\n李四,女\n姓名,性别,年龄\n王五,男,30\n赵六,女,40\n")


def test_files_put_one_behind_the_other_with_their_marks(read):
    one = written(MORE[:3], H).encode("utf-8-sig")
    header, found, said = read(one + written(MORE[3:], H).encode("utf-8-sig"))
    assert (header, found, "1 行重复的表头" in said) == (H, MORE_SPELT, True)


SIDES = [["乡镇", "户数", "项目", "金额"], *[[town, n + 1, *([f"路{n}", n * 5 + 1] if n < 3 else ["", ""])] for n, town in enumerate(TOWNS)]]  # fmt: skip


THREE = [["村", "户", "镇", "数", "项目", "额"], *[[f"村{n}", n, *([f"镇{n}", n] if n < 6 else ["", ""]), *([f"路{n}", n] if n < 3 else ["", ""])] for n in range(9)]]  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "workbook"])
@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (SIDES, "行起右边 2 列全空，左边照样有内容"),
        ([[*row[2:], *row[:2]] for row in SIDES], "行起左边 2 列全空，右边照样有内容"),
        (THREE, "行起右边 2 列全空"),
    ],
)
def test_tables_side_by_side_without_a_column_between_are_told(read, rows, told, kind):
    assert told in read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))[2]


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_a_last_record_not_filled_in_is_no_other_table(read, kind):
    rows = [H, *MORE[:-1], ["湖镇", "", ""]]
    told = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))[2]
    assert "并排" not in told


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_records_that_stand_side_by_side_are_told(read, kind):
    rows = [["姓名", "甲某", "乙某"], ["性别", "男", "女"], ["电话", "1", "2"], ["职务", "科长", "科员"]]
    assert "转置" in read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))[2]


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_the_names_in_another_order_are_another_table(read, kind):
    rows = [["编号", "姓名"], [1, "甲"], [2, "乙"], [3, "丙"], ["姓名", "编号"], ["丁", 4]]
    _, found, told = read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))
    assert found == [["1", "甲"], ["2", "乙"], ["3", "丙"]]
    assert "像是另一张表" in told


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_a_note_beside_the_names_is_told(read, kind):
    rows = [["乡镇", "户数", "", "说明：以系统为准"], *[[town, n + 1, "", ""] for n, town in enumerate(TOWNS)]]
    assert "像是写在旁边的说明" in read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))[2]
