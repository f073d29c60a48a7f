"""`hub read` on workbooks: numbers, formulas, formats, old files, what fills the memory."""

from __future__ import annotations

import re
import struct
import zipfile

import pytest
import xlsxwriter
import xlwt

from connectors import glance
from connectors.drivers.base import Delivery
from connectors.workbook import Workbook
from schemas.errors import SourceChanged
from tests.tables import FIGURES, SPELT, book, packed


def test_numbers_too_long_for_a_number_are_told(read):
    _, rows, told = read(book([["代码", "数"], [911509900000000012, 1], [12, 2]]))
    assert "e+17" in rows[0][0]
    assert "末位已失真" in told
    assert "工作表“城关镇” 第 2 行“代码”" in told
    assert "没有读：水泉乡" in told


@pytest.mark.parametrize(
    ("name", "values", "shown", "told"),
    [
        ("出生日期", [36526, 0, 40000], "00:00:00", "“出生日期”列是日期，有的格子却读作 00:00:00"),
        ("出生日期", [36526, -5, 40000], "00:00:00", "“出生日期”列是日期，有的格子却读作 00:00:00"),
        ("人数", [35, 12, 330], "1900-01-12", "“人数”列里有的格子是日期 1900-02-04"),
        ("出生日期", [3500, 1200, 3300], "1903-04-14", ""),
    ],
)
def test_numbers_under_a_format_of_days_are_told(read, tmp_path, name, values, shown, told):
    path = tmp_path / "日期.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet, day = made.add_worksheet(), made.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["乡镇", name])
        for row, value in enumerate(values, 1):
            sheet.write_string(row, 0, f"镇{row}")
            sheet.write_number(row, 1, value, day)
    _, rows, said = read(path.read_bytes())
    assert rows[1][1] == shown
    assert told in said
    assert told or "!" not in said


def test_first_rows_of_figures_are_records(read):
    assert read(book([["A", "B", "C"], [1, 2, 3], [2, 3, 4]]))[1] == [["1", "2", "3"], ["2", "3", "4"]]
    numbered = [["单位", "户数", "金额"], [1, 2, 3], ["甲镇", 5, 6.5], ["乙镇", 7, 8.5]]
    assert [row[0] for row in read(book(numbered))[1]] == ["甲镇", "乙镇"]


def test_years_over_figures_are_a_header(read):
    assert read(book([["地区", 2019, 2020], ["甲", 1.5, 2.5], ["乙", 3.5, 4.5]]))[0] == ["地区", "2019", "2020"]


def test_formulas_without_a_value_percent_and_dressed_numbers(read, tmp_path):
    path = tmp_path / "公式.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_row(1, 0, [1, 2])
        sheet.write_formula(2, 0, "=A2*2")
    _, rows, told = read(path.read_bytes())
    assert rows == [["1", "2"]]
    assert "A3 共 1 格公式还没有算出值，所在的行退回" in told
    assert "退回 工作表“Sheet1” 第 3 行 A3 的公式还没有算出值" in told
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["a", "b"])
        for row in range(1, 9):
            sheet.write(row, 0, row)
            sheet.write_formula(row, 1, f"=A{row + 1}*2")
    with pytest.raises(SourceChanged, match="B2、B3、B4、B5、B6 等 8 行的公式还没有算出值"):
        read(path.read_bytes())
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["名称", "率", "时长"])
        sheet.write(1, 0, "甲")
        sheet.write(1, 1, 0.85, made.add_format({"num_format": "0.0%"}))
        sheet.write(1, 2, 1.5, made.add_format({"num_format": "[h]:mm"}))
    _, rows, told = read(path.read_bytes())
    assert (rows, "B 列按百分比显示" in told) == ([["甲", "0.85", "36:00:00"]], True)
    assert "像是以数字保存的长编号" in read("名称,证号\n甲,5.10101E+17\n乙,x\n")[2]
    assert read('名称,证号\n甲,="0012"\n乙,"=""0034"""\n')[1] == [["甲", "0012"], ["乙", "0034"]]


def test_per_cent_under_a_name_in_per_cent_is_read_as_it_is_shown(read, tmp_path):
    path = tmp_path / "百分比.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet, percent = made.add_worksheet(), made.add_format({"num_format": "0.0%"})
        sheet.write_row(0, 0, ["乡镇", "增长（%）", "完成率", "占比（%）"])
        for row, value in enumerate([0.085, 0.07], 1):
            sheet.write_row(row, 0, [f"镇{row}"])
            sheet.write_row(row, 1, [value, value], percent)
            sheet.write_row(row, 3, [value])
    _, rows, told = read(path.read_bytes())
    assert rows == [["镇1", "8.5", "0.085", "0.085"], ["镇2", "7", "0.07", "0.07"]]
    assert "B 列按百分比显示，表头也写着 %，读出的是显示的数" in told
    assert "C 列按百分比显示，读出的是小数" in told


def test_a_formula_in_a_column_nobody_maps_holds_no_row_up(tmp_path):
    path = tmp_path / "公式.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["名称", "数", "率"])
        for row in range(1, 9):
            sheet.write_row(row, 0, [f"厂{row}", row])
            sheet.write_formula(row, 2, f"=B{row + 1}/9", None, "")
        sheet.write_formula(4, 1, "=A1", None, "")

    def mapped(*wanted):
        delivery = Delivery("x", "file", lambda _: iter(()))
        book = Workbook(path, delivery, where="x", wanted=wanted, sheets=None, header_row=None, header_rows=None, footer_rows=0, fill_merged=True)  # fmt: skip
        return [row for batch in book.batches() for row in batch.to_pylist()]

    assert [row["_row"] for row in mapped("名称", "数") if row["_flaw"]] == [5]
    assert [row["_flaw"] for row in mapped("名称")] == [None] * 8
    with pytest.raises(SourceChanged, match="C2、C3、C4、C5"):
        mapped("名称", "率")


def old_book(path, results):
    """An .xls with a hidden row, a hidden column, and formulas; one of them has its result put in its place."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("台账")
    for column, name in enumerate(["编号", "数量", "金额"]):
        sheet.write(0, column, name)
    for row in range(1, 9):
        sheet.write(row, 0, f"A{row}")
        sheet.write(row, 1, row)
        if row > 6:
            sheet.write(row, 2, xlwt.Formula(f"B{row + 1}*2"))
        else:
            sheet.write(row, 2, row * 2)
    sheet.row(2).hidden = True
    sheet.col(1).hidden = True
    book.save(str(path))
    data, empty = path.read_bytes(), b"\x03\x00\x00\x00\x00\x00\xff\xff"
    for result in results:
        data = data.replace(empty, result, 1)
    return data


def test_formulas_of_an_old_workbook_that_nobody_worked_out_are_told(read, tmp_path):
    _, rows, told = read(old_book(tmp_path / "旧.xls", []))
    assert len(rows) == 6
    assert "C8、C9 共 2 格公式还没有算出值，所在的行退回" in told
    assert "隐藏的 1 行、1 列" in told
    themed = old_book(tmp_path / "旧.xls", []) + b"PK\x05\x06" + bytes(18)  # an archive within, as in a theme of Excel
    assert "隐藏的 1 行、1 列" in read(themed)[2]
    _, rows, told = read(old_book(tmp_path / "旧.xls", [struct.pack("<d", 14)]))
    assert ([row[2] for row in rows[6:]], "公式" in told) == (["14", ""], False)  # here the empty text is a result


def test_a_text_shown_in_many_cells_may_not_fill_the_memory(read, tmp_path):
    path = tmp_path / "炸.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        for row in range(8):
            sheet.write(row, 0, "长" * 30_000)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    row = b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>'
    many = b"".join(row % (n, n) for n in range(1, 60_001))
    name = "xl/worksheets/sheet1.xml"
    parts[name] = re.sub(rb"<sheetData>.*</sheetData>", b"<sheetData>" + many + b"</sheetData>", parts[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
    with pytest.raises(SourceChanged, match="文字展开后异常地大"):
        read(path.read_bytes())


def test_the_first_sheet_with_a_table_is_read(read, tmp_path):
    path = tmp_path / "年鉴.xlsx"
    with xlsxwriter.Workbook(path) as made:
        made.add_worksheet("封面").write_column(0, 1, ["某县统计年鉴", "2025"])
        made.add_worksheet("填表说明").write_column(0, 0, ["由各乡镇填报", "每月五日前"])
        sheet = made.add_worksheet("1-1")
        for row, cells in enumerate([["地区", "户数", "人口"], *FIGURES]):
            sheet.write_row(row, 0, cells)
    _, rows, told = read(path.read_bytes())
    assert rows == SPELT
    assert "没有读：封面、填表说明" in told


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
def test_zeros_that_a_format_shows_in_front_are_read(read, tmp_path, kind):
    path = tmp_path / f"码.{kind}"
    rows = [("编号", "率"), (123, 0.5), (7, 0.25)]
    if kind == "xlsx":
        with xlsxwriter.Workbook(path) as made:
            sheet, formats = made.add_worksheet(), [made.add_format({"num_format": f}) for f in ("000000", "0.0%")]
            for row, cells in enumerate(rows):
                for column, value in enumerate(cells):
                    sheet.write(row, column, value, formats[column])
    else:
        old = xlwt.Workbook()
        sheet = old.add_sheet("表")
        for row, cells in enumerate(rows):
            for column, value in enumerate(cells):
                style = xlwt.XFStyle()
                style.num_format_str = ("000000", "0.0%")[column]
                sheet.write(row, column, value, style)
        old.save(str(path))
    _, found, told = read(path.read_bytes())
    assert found == [["000123", "0.5"], ["000007", "0.25"]]
    assert "A 列按固定位数显示" in told
    assert "B 列按百分比显示" in told


def test_names_under_a_merged_group_over_texts(read, tmp_path):
    """One record, and no figure in it that would tell the names from it."""
    path = tmp_path / "组.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        for row, cells in enumerate([["地区", "口径", "结论", ""], ["", "", "较上季", "较基期"], ["", "（%）", "", ""], ["甲", "乙", "丙", "丁"]]):  # fmt: skip
            sheet.write_row(row, 0, cells)
        sheet.merge_range(0, 2, 0, 3, "结论")
        sheet.merge_range(1, 2, 2, 2, "较上季")
        sheet.merge_range(1, 3, 2, 3, "较基期")
    assert read(path.read_bytes())[:2] == (
        ["地区", "口径（%）", "结论/较上季", "结论/较基期"],
        [["甲", "乙", "丙", "丁"]],
    )


def test_formats_of_excel_5_are_read_as_it_wrote_them():
    """Their text has a length of one byte, and is not taken for that of Excel 97."""
    format_, style = struct.pack("<HHHB", 0x41E, 9, 164, 6) + b"000000", struct.pack("<HHHH", 0xE0, 4, 0, 164)
    stream = struct.pack("<HHHH", 0x809, 4, 0x500, 5) + format_ + style + struct.pack("<HH", 0x0A, 0)
    assert glance._formats(stream) == ["000000"]


SHOWN = [
    ("aaaa", 45726, "2025-03-10", ""),
    ("[$-804]aaa;@", 45726.5, "2025-03-10 12:00:00", ""),
    ('"QX-2025-"000', 12, "QX-2025-012", "按固定位数显示"),
    ("000-0000", 1234567, "123-4567", "按固定位数显示"),
    ('0.0"万元"', 12.5, "12.5", "计量单位：数 以万元计"),
    ('General"万元"', 12, "12", "计量单位：数 以万元计"),
    ('0.0"亩"', 12.5, "12.5", "计量单位：数 以亩计"),
    ('0.0"级"', 12.5, "12.5", "“级”是单元格格式显示的"),
    (";;;", 12, "12", "“;;;”是单元格格式显示的"),
    ("#,##0,", 125000, "125000", "“数”列按缩小的数显示"),
    ('[>9999]0!.0,"万元";0', 125000, "125000", '“[>9999]0!.0,"万元";0”是单元格格式显示的'),
    ('"是";;"否"', 1, "1", "“是”是单元格格式显示的"),
    ('0!.0,"万元"', 125000, "125000", ""),
    ('0"人"', 12, "12", ""),
    ('_ "¥"* #,##0.00_ ;_ "¥"* -#,##0.00_ ;_ "¥"* "-"??_ ;_ @_ ', 12.5, "12.5", ""),
]


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
@pytest.mark.parametrize(("code", "value", "text", "told"), SHOWN)
def test_numbers_that_are_not_shown_as_they_are(read, tmp_path, kind, code, value, text, told):
    path = tmp_path / f"式.{kind}"
    if kind == "xlsx":
        with xlsxwriter.Workbook(path) as made:
            sheet = made.add_worksheet()
            sheet.write_row(0, 0, ["名", "数"])
            for row in (1, 2, 3):
                sheet.write(row, 0, f"名{row}")
                sheet.write(row, 1, value, made.add_format({"num_format": code}))
    else:
        old = xlwt.Workbook()
        sheet, style = old.add_sheet("表"), xlwt.XFStyle()
        style.num_format_str = code
        for row, cells in enumerate([("名", "数"), *[(f"名{row}", value) for row in (1, 2, 3)]]):
            sheet.write(row, 0, cells[0])
            sheet.write(row, 1, cells[1], style)
        old.save(str(path))
    _, found, err = read(path.read_bytes())
    assert found == [[f"名{row}", text] for row in (1, 2, 3)]
    assert told in err if told else "!" not in err


def amounts(path, names, formats, value=125000, title=None):
    """Three rows of an amount and the number of people, each amount in a format of its own; and their sum."""
    rows = [names, *([f"名{row}", value * row, row] for row in (1, 2, 3)), ["合计", value * 6, 6]]
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        for row, cells in enumerate([[title], *rows] if title else rows):
            for column, cell in enumerate(cells):
                line = row - bool(title)
                style = made.add_format({"num_format": formats[(line - 1) % len(formats)]})
                sheet.write(row, column, cell, style if column == 1 and line > 0 else None)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "code", "value", "text"),
    [
        ("金额（万元）", "0!.0,", 125000, "12.5"),
        ("金额（万元）", '0!.0,"万元"', 125000, "12.5"),
        ("金额（万元）", '0"."0000', 125000, "12.5"),
        ("金额（百万元）", "0.00,,", 1250000, "1.25"),
        ("金额（元）", '0!.0,"万元"', 125000, "125000"),
        ("金额（万元）", '0.0"万元"', 12.5, "12.5"),
    ],
)
def test_a_number_is_what_its_format_shows_in_the_unit_of_the_header(read, tmp_path, name, code, value, text):
    """Its total too: it agrees with the rows as they are shown."""
    _, rows, err = read(amounts(tmp_path / "额.xlsx", ["名", name, "人数"], [code], value))
    assert (rows[0], len(rows), "相加" in err, "退回 0" in err) == (["名1", text, "1"], 3, False, True)


def test_the_unit_of_a_sheet_is_that_of_numbers_shown_smaller(read, tmp_path):
    _, rows, err = read(amounts(tmp_path / "额.xlsx", ["名", "金额", "人数"], ["0!.0,"], title="单位：万元"))
    assert (rows[0], "整张表 以万元计" in err) == (["名1", "12.5", "1"], True)


@pytest.mark.parametrize(
    ("name", "codes", "kept"),
    [
        ("金额（元）", ['0.0"万元"'], 0),
        ("金额（万元）", ["#,##0,"], 0),
        ("金额", ['0.0"万元"', '0.0"万元"', "0"], 2),
    ],
)
def test_a_format_that_shows_another_unit_sets_the_row_aside(read, tmp_path, name, codes, kept):
    _, rows, err = read(amounts(tmp_path / "额.xlsx", ["名", name, "人数"], codes, 12.5))
    assert (len(rows), err.count("与表头或别的行不同")) == (kept, 3 - kept)


def test_characters_written_by_their_numbers(read, tmp_path):
    """In shared and inline texts; one whose underscore is escaped is a text."""
    path = tmp_path / "码.xlsx"
    with xlsxwriter.Workbook(path, {"in_memory": True}) as made:
        made.add_worksheet().add_table(0, 0, 3, 1, {"columns": [{"header": "名@79F0"}, {"header": "数"}]})
        for row, text in enumerate(["@4E2D国", "@D83D@DE00", "_x56FD_"], 1):
            made.get_worksheet_by_name("Sheet1").write_row(row, 0, [text, f"甲@{row:04}@3000乙"])
    parts = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts[name] = re.sub(rb"@([0-9A-F]{4})", rb"_x\1_", archive.read(name))
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    header, rows, _ = read(path.read_bytes())
    assert (header, [row[0] for row in rows]) == (["名称", "数"], ["中国", "😀", "_x56FD_"])
    assert rows[0][1] == "甲\x01\u3000乙"
    parts["xl/sharedStrings.xml"] = parts["xl/sharedStrings.xml"].replace(b"_x56FD_", b"_x4E2D_")
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    assert "工作簿里的 _x4E2D_ 有的是一个字" in read(path.read_bytes())[2]


def test_a_value_merged_over_columns_is_told(read, tmp_path):
    with xlsxwriter.Workbook(tmp_path / "并.xlsx") as made:
        sheet = made.add_worksheet()
        for row, cells in enumerate([["名", "一月", "二月"], ["甲", 1, 2], ["乙"], ["丙", 3, 4]]):
            sheet.write_row(row, 0, cells)
        sheet.merge_range("B3:C3", 5)
    _, rows, err = read((tmp_path / "并.xlsx").read_bytes())
    assert (rows[1], "B3:C3 共 1 处横着合并了几列" in err) == (["乙", "5", "5"], True)


def test_weekdays_in_the_calendar_of_1904(read, tmp_path):
    path = tmp_path / "周.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": True}) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["名", "日"])
        for row in (1, 2):
            sheet.write(row, 0, "甲")
            sheet.write(row, 1, 44264, made.add_format({"num_format": "aaaa"}))
    assert read(path.read_bytes())[1] == [["甲", "2025-03-10"]] * 2


def cell(text, **attributes):
    told = "".join(f' {name.replace("_", ":", 1)}="{value}"' for name, value in attributes.items())
    return f"<table:table-cell{told}>{text and f'<text:p>{text}</text:p>'}</table:table-cell>"


def spreadsheet(body):
    """An .ods of one sheet with these rows."""
    spaces = "".join(
        f' xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
        for prefix in ("office", "table", "text")
    )
    spaces += ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    content = (
        f'<office:document-content{spaces}><office:body><office:spreadsheet><table:table table:name="明细">{body}'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    files = {
        "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
        "META-INF/manifest.xml": "<x/>",
        "content.xml": content,
    }
    return packed(files)


@pytest.mark.parametrize(
    ("kind", "value", "shown", "name", "text", "told"),
    [
        ("float", "12", "000012", "数", "000012", "按固定位数显示"),
        ("float", "12", "QX-012", "数", "QX-012", "按固定位数显示"),
        ("percentage", "0.85", "85%", "数", "0.85", "按百分比显示"),
        ("float", "12.5", "12.5万元", "数", "12.5", "计量单位：数 以万元计"),
        ("float", "125000", "12.5", "数（万元）", "12.5", "以万元计"),
        ("currency", "1234.567", "￥1,234.57", "数", "1234.567", "退回 0"),
        ("float", "1234567", "1,235", "数", "1234567", "按缩小的数显示"),
        ("float", "123456", "1.23E+005", "数（万元）", "123456", "退回 0"),
        ("currency", "1234.56", "1.234,56 €", "数（万元）", "1234.56", "退回 0"),
    ],
)
def test_numbers_of_an_ods_are_taken_as_it_shows_them(read, kind, value, shown, name, text, told):
    number = cell(shown, **{"office_value-type": kind, "office_value": value})
    names = "".join(cell(each, **{"office_value-type": "string"}) for each in ("名", name))
    records = [cell(f"甲{n}", **{"office_value-type": "string"}) + number for n in (1, 2)]
    _, rows, err = read(spreadsheet("".join(f"<table:table-row>{row}</table:table-row>" for row in (names, *records))))
    assert (rows, told in err) == ([["甲1", text], ["甲2", text]], True)


def test_what_is_struck_out_or_raised_is_told(read, tmp_path):
    """A part of a text is left out; a cell struck out as a whole is read, in .xlsx and .xls."""
    path = tmp_path / "划.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        struck, raised = made.add_format({"font_strikeout": True}), made.add_format({"font_script": 1})
        sheet.write_row(0, 0, ["地区", "产值", "面积"])
        for row, name in enumerate(["甲", "乙"], 1):
            sheet.write(row, 0, name, struck if row == 2 else None)
            sheet.write_rich_string(row, 1, struck, "500", "600") if row == 1 else sheet.write_rich_string(
                row, 1, "700", raised, "1"
            )
            sheet.write_rich_string(row, 2, "9 km", raised, "2")
    _, rows, err = read(path.read_bytes())
    assert rows == [["甲", "600", "9 km2"], ["乙", "700", "9 km2"]]
    assert ("“500600”读作“600”" in err, "“7001”读作“700”" in err, "A3 共 1 格有划掉的字" in err) == (True, True, True)
    old = xlwt.Workbook()
    sheet = old.add_sheet("表")
    for row, cells in enumerate([("名", "数"), ("甲", 1), ("乙", 2)]):
        for column, one in enumerate(cells):
            sheet.write(row, column, one, xlwt.easyxf("font: struck_out on") if row == 1 else xlwt.easyxf())
    old.save(str(tmp_path / "划.xls"))
    assert "A2、B2 共 2 格有划掉的字" in read((tmp_path / "划.xls").read_bytes())[2]


def test_what_an_ods_says_beside_its_values(read):
    """A cell over two rows, rows that are hidden or filtered, an error, a duration of more than a day, a tab, a line break."""
    text, time = {"office_value-type": "string"}, {"office_value-type": "time", "office_time-value": "PT30H15M00S"}
    rows = [
        cell("镇", **text) + cell("村", **text) + cell("时", **text),
        cell("甲", **text, **{"table_number-rows-spanned": 2})
        + cell("一<text:tab/>乙", **text)
        + cell("30:15", **time),
        "<table:covered-table-cell/>"
        + cell("二<text:line-break/>行", **text)
        + cell("#DIV/0!", **text, **{"calcext_value-type": "error"}),
    ]
    body = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    hidden = cell("丙", **text) + cell("三", **text) + cell("1", **text)
    body += "".join(
        f'<table:table-row table:visibility="{how}">{hidden}</table:table-row>' for how in ("collapse", "filter")
    )
    _, found, told = read(spreadsheet(body))
    assert found == [["甲", "一\t乙", "30:15:00"], ["甲", "二\n行", ""], ["丙", "三", "1"], ["丙", "三", "1"]]
    assert "隐藏的 2 行" in told
    assert "C3 共 1 格是公式错误" in told
