"""`hub read` on one table written in the ways programs write it: what comes out is the table, or is told."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
import zipfile

import pytest
import xlsxwriter
import xlwt

from connectors.drivers.base import Delivery
from connectors.workbook import Workbook
from hub.read import run
from schemas.errors import HubError, SourceChanged, SourceUnavailable

HEADER = ["DATE", "TIME", "Qty", "PRODUCTID", "Price", "Product Description", "TOTAL"]
ROWS = [
    ["9/1/2018", "00:05", "10", "ABC-1", "1,150.20", 'Cable "flat", 5 m', "11502.00"],
    ["9/1/2018", "00:16", "2", "ABC-2", "0.90", "Bolt\nM4", "1.80"],
    ["9/2/2018", "00:57", "7", "ABC-3", "12.00", "It's a nut; steel", "84.00"],
    ["9/2/2018", "01:12", "", "ABC-4", "3.50", "", "0.00"],
    ["9/3/2018", "11:30", "4", "ABC-5", "2.25", "Washer | zinc", "9.00"],
]


@pytest.fixture
def read(tmp_path, capsys):
    """Read bytes as a file: (header, rows, what was told)."""

    def go(data, name="表.dat", format="csv", **options):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        run(path, options=options, format=format, coordinates=False)
        out, err = capsys.readouterr()
        if format == "json":
            return json.loads(out), err
        header, *rows = csv.reader(io.StringIO(out))
        return header, rows, err

    return go


def written(rows=ROWS, header=HEADER, lines="\n", **dialect):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=lines, **dialect)
    writer.writerows([header, *rows] if header else rows)
    return text.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", "，", "\x01"], ids=repr)
@pytest.mark.parametrize("quote", ['"', "'"], ids=["double", "single"])
def test_delimiters_and_quotes(read, delimiter, quote):
    text = written(delimiter=delimiter, quotechar=quote) if delimiter.isascii() else None
    if text is None:
        rows = [[cell.replace(",", "").replace('"', "").replace("\n", " ") for cell in row] for row in ROWS]
        text = "\n".join(delimiter.join(row) for row in [HEADER, *rows]) + "\n"
        assert read(text)[:2] == (HEADER, rows)
        return
    assert read(text)[:2] == (HEADER, ROWS)


@pytest.mark.parametrize("delimiter", ["::", "||", ", "])
def test_delimiters_of_two_characters(read, delimiter):
    rows = [[cell.replace(",", "").replace('"', "").replace("\n", " ") for cell in row] for row in ROWS]
    assert read("\n".join(delimiter.join(row) for row in [HEADER, *rows]) + "\n")[:2] == (HEADER, rows)


def test_blanks_before_quotation_marks(read):
    text = 'a, b, c\n1, "x, y", 3\n2, "z ""w""", 4\n'
    assert read(text)[:2] == (["a", "b", "c"], [["1", "x, y", "3"], ["2", 'z "w"', "4"]])


def test_backslash_before_quotation_marks(read):
    rows = [[cell.replace("\n", " ") for cell in row] for row in ROWS]
    assert read(written(rows, doublequote=False, escapechar="\\", quoting=csv.QUOTE_ALL))[:2] == (HEADER, rows)


@pytest.mark.parametrize("lines", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_line_ends(read, lines):
    rows = [row for row in ROWS if "\n" not in row[5]]
    assert read(written(rows, lines=lines))[:2] == (HEADER, rows)
    assert read(written(rows, lines=lines).rstrip())[:2] == (HEADER, rows)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"])
def test_encodings(read, encoding):
    rows = [["统计", "县局", "𠮷"], ["企业", "登记", "㼆"]]
    assert read(written(rows, ["单位名称", "地区", "备注"]).encode(encoding))[1] == rows


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("ville,café,Zürich,déjà vu,naïve,Orléans,Besançon", "latin-1"),
        ("município,ção,não,açúcar,São João,avó,maçã", "cp1252"),
        ("名前,東京都,カタカナ,ひらがな,大阪府,電話番号", "shift_jis"),
        (
            "이름,서울특별시,부산 광역시,전화번호,주소,민원,접수일,처리 결과,대한민국,공무원,행정 복지,신고,교통,환경,청소년,도로",
            "euc-kr",
        ),
        ("имя,Москва,Санкт-Петербург,адрес,телефон", "cp1251"),
    ],
    ids=["french", "portuguese", "japanese", "korean", "russian"],
)
def test_other_languages_are_not_taken_for_chinese(read, text, encoding):
    header, *words = text.split(",")
    data = "\n".join([header, *words * 9]) + "\n"
    with pytest.raises(SourceChanged, match="编码"):
        read(data.encode(encoding))
    assert read(data.encode(encoding), encoding=encoding)[:2] == ([header], [[word] for word in words * 9])


def test_text_that_was_decoded_wrongly_is_read_back_or_refused(read):
    text = written([["城关镇", "企业登记"], ["水泉乡", "变更登记"]], ["所属乡镇", "办理事项"])
    spoilt = text.encode("gb18030").decode("latin-1").encode()
    header, rows, told = read(spoilt)
    assert (header, rows[0]) == (["所属乡镇", "办理事项"], ["城关镇", "企业登记"])
    assert "还原" in told
    lost = text.encode("gb18030").decode("utf-8", "replace")
    with pytest.raises(SourceChanged, match=r"丢失|恢复"):
        read(lost * 9)
    with pytest.raises(SourceChanged, match="锟斤拷"):
        read("名称,备注\n锟斤拷,锟斤拷\n")


def test_preamble_comments_and_foot(read):
    text = "Sales report 2018\nsource: shop\n\n" + written() + "# a comment\n\nPrinted by the shop\n"
    header, rows, told = read(text)
    assert (header, rows) == (HEADER, ROWS)
    assert "Sales report 2018" in told
    assert "Printed by the shop" in told


def test_total_is_taken_out_and_checked(read):
    text = "单位名称,户数,金额（万元）\n甲,1,10\n乙,2,20.5\n合计,3,31\n填表人：张三,,\n"
    header, rows, told = read(text)
    assert rows == [["甲", "1", "10"], ["乙", "2", "20.5"]]
    assert "合计写 31，明细相加为 30.5" in told
    assert "以万元计" in told
    assert header[2] == "金额（万元）"


def test_headers_of_two_rows(read):
    text = "地区,人口,,面积\n,男,女,\n甲镇,10,12,3.5\n乙镇,20,22,4.5\n"
    assert read(text)[0] == ["地区", "人口/男", "人口/女", "面积"]


def test_no_header(read):
    header, rows, told = read(written(header=None))
    assert (header[0], rows) == ("列1", ROWS)
    assert "没有找到表头" in told
    assert read(written(), header_row=0)[1] == [HEADER, *ROWS]
    assert read("x,y\n" + written(), header_row=2)[:2] == (HEADER, ROWS)


def test_stray_quotation_marks_are_text(read):
    lines = [f'{n},"{n} inch,x' if n == 9 else f"{n},{n} inch,x" for n in range(30)]
    assert read("no,size,note\n" + "\n".join(lines) + "\n")[1][9] == ["9", '"9 inch', "x"]


def test_column_of_sentences_is_not_split(read):
    assert read("name\nJohn Smith\nAnn Lee\nBob\n")[:2] == (["name"], [["John Smith"], ["Ann Lee"], ["Bob"]])


def test_rows_of_another_width_are_told_and_not_guessed(read):
    lines = written(lines="\n").replace("\nM4", " M4").splitlines()
    lines[2] += ",surplus"
    lines[4] = lines[4].replace(",", " ", 1)
    _, rows, told = read("\n".join(lines) + "\n")
    assert [row[3] for row in rows] == ["ABC-1", "ABC-3", "ABC-5"]
    assert "第 3 行" in told
    assert "第 5 行" in told
    assert "退回 2" in told


def test_leading_zeros_and_long_numbers_survive(read):
    _, rows, told = read("id,no\n00123,911509900000000012\n00456,911509900000000013\n")
    assert rows == [["00123", "911509900000000012"], ["00456", "911509900000000013"]]
    assert "失真" not in told


def book(rows, **options):
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, options) as workbook:
        sheet = workbook.add_worksheet("城关镇")
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is not None:
                    sheet.write(number, column, value)
        workbook.add_worksheet("水泉乡").write(0, 0, "x")
    return made.getvalue()


def packed(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


def test_numbers_too_long_for_a_number_are_told(read):
    _, rows, told = read(book([["代码", "数"], [911509900000000012, 1], [12, 2]]))
    assert "e+17" in rows[0][0]
    assert "末位已失真" in told
    assert "工作表“城关镇” 第 2 行“代码”" in told
    assert "没有读：水泉乡" in told


def test_first_rows_of_figures_are_records(read):
    assert read(book([["A", "B", "C"], [1, 2, 3], [2, 3, 4]]))[1] == [["1", "2", "3"], ["2", "3", "4"]]
    numbered = [["单位", "户数", "金额"], [1, 2, 3], ["甲镇", 5, 6.5], ["乙镇", 7, 8.5]]
    assert [row[0] for row in read(book(numbered))[1]] == ["甲镇", "乙镇"]


def test_years_over_figures_are_a_header(read):
    assert read(book([["地区", 2019, 2020], ["甲", 1.5, 2.5], ["乙", 3.5, 4.5]]))[0] == ["地区", "2019", "2020"]


def test_json_out(read):
    assert read("a,b\n1,\n", format="json")[0] == [{"a": "1", "b": None}]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\0" * 99, b"PK\x03\x04rubbish", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 999, b"PAR1 rubbish", b"{\"a\": ", b"\x1f\x8brubbish", b"<a><b>", b'a,b\n"1,2\n'])  # fmt: skip
def test_rubbish_is_refused_with_a_cure(read, data):
    with pytest.raises((SourceChanged, SourceUnavailable)) as caught:
        read(data)
    assert isinstance(caught.value, HubError)
    assert caught.value.cure


@pytest.mark.parametrize("line", [0, 2, 4])
def test_a_stray_quotation_mark_costs_its_own_line(read, line):
    """An opened and never closed mark swallows no line below it, and dates are not split at their strokes."""
    rows = [[cell.replace("\n", " ") for cell in row] for row in ROWS]
    lines = [written([row], header=None) for row in [HEADER, *rows]]
    lines[line + 1] = '"' + lines[line + 1]
    kept = [row for index, row in enumerate(rows) if index != line]
    if line == len(rows) - 1:
        with pytest.raises(SourceUnavailable):  # it may be the transfer that was cut off
            read("".join(lines))
        return
    header, found, told = read("".join(lines))
    assert (header, found) == (HEADER, kept)
    assert f"第 {line + 2} 行 这一行的引号没有成对" in told
    with pytest.raises(SourceChanged, match="表头"):
        read('"' + "".join([written([HEADER], header=None), *lines[1:]]))


def test_marks_within_a_quoted_cell_set_the_line_aside(read):
    header, rows, told = read('编号,说明,数\n1,"他说"好"了",5\n2,"两\n行",6\n3,10" 管,7\n')
    assert (header, rows) == (["编号", "说明", "数"], [["2", "两\n行", "6"], ["3", '10" 管', "7"]])
    assert "第 2 行 这一行的引号没有成对" in told


def test_cells_of_many_lines_over_blocks_are_whole(read):
    rows = [[str(n), f"第一行\n第{n}行, 逗号", "x" * 50] for n in range(40_000)]
    assert read(written(rows, header=["编号", "说明", "备注"]))[1] == rows


def test_names_that_do_not_fit_the_columns_are_refused(read):
    with pytest.raises(SourceChanged, match="表头有 4 列"):
        read("编号,,名称,金额\n" + "".join(f"{n},某公司,{n}5\n" for n in range(9)))
    assert read("编号,名称,\n1,甲\n2,乙\n")[:2] == (["编号", "名称"], [["1", "甲"], ["2", "乙"]])


def test_names_again_units_and_other_tables(read):
    _, rows, told = read("编号,名称,数\n1,甲,3\n编号,名称,数\n2,乙,5\n")
    assert (rows, "去掉了 1 行重复的表头" in told) == ([["1", "甲", "3"], ["2", "乙", "5"]], True)
    header, rows, told = read("地区,GDP,人口\n,亿元,万人\n甲县,100.5,30\n乙县,200.1,40\n")
    assert (header, len(rows)) == (["地区", "GDP（亿元）", "人口（万人）"], 2)
    _, rows, told = read("编号,名称\n1,甲\n2,乙\n\n部门,人数\n财政,5\n税务,6\n")
    assert (len(rows), "第 5 行起像是另一张表" in told) == (2, True)
    _, rows, told = read("no,name,n\n1,a,2\nno,name,n\n2,b,3\n")
    assert (len(rows), "去掉了 1 行重复的表头" in told) == (2, True)
    _, rows, told = read("名称,投资（万元）,数,数\n甲,1,2,3\n名称,投资（万元）,数,数\n乙,2,3,4\n")
    assert (len(rows), "去掉了 1 行重复的表头" in told) == (2, True)
    _, rows, told = read("编号,数\n1,2\n2,3\n\n编号,数\n3,5\n4,6\n")
    assert (len(rows), "去掉了 1 行重复的表头" in told) == (4, True)
    ledger = "某县统计表\n单位：万元\n\n编号,名称,数\n1,甲,10\n2,乙,20\n\n部门,主管,人数\n"
    with pytest.raises(SourceChanged, match="第 8 行起像是另一张表"):
        read(ledger + "".join(f"{n},丙,{n}\n" for n in range(20)))
    with pytest.raises(SourceChanged, match="用空格对齐"):
        read("编号   名称     金额\n001    甲公司   100\n002    乙公司   200\n")
    _, rows, told = read(book([["名称", "数"], ["甲", 1], ["名称", "数"], ["乙", 2]]))
    assert (len(rows), "去掉了 1 行重复的表头" in told) == (2, True)


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


def test_times_are_not_split_and_figures_are_no_notes(read):
    assert read("2011-09-15 15:22:00\n")[1] == [["2011-09-15 15:22:00"]]
    stamps = [[f"2011-09-15 15:22:{n:02d}"] for n in range(30)]
    assert read("时间\n" + "".join(f"{stamp}\n" for (stamp,) in stamps))[:2] == (["时间"], stamps)
    assert read("".join(f"{stamp}\n" for (stamp,) in stamps))[1] == stamps
    _, rows, told = read("编号,名称,数,地区\n1,甲,3,东\n2,乙,4,西\n5\n")
    assert (len(rows), "退回 第 4 行 这一行有 1 格" in told) == (2, True)
    _, rows, told = read("1\n1,2\n1,2,3\n1,2,3,4\n1,2,3,4\n1,2,3,4\n")
    assert (len(rows) + told.count("退回 第"), "表上文字" in told) == (6, False)


def test_a_short_name_over_short_codes_is_a_name(read):
    rows = [["ao", "Angola", "angola"], ["ag", "Antigua", "antigua"], ["ar", "Argentina", "argentina"]]
    assert read(written(rows, ["id", "name", "slug"]))[:2] == (["id", "name", "slug"], rows)


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


@pytest.mark.parametrize(
    "data",
    [
        b'{"id":1}{"id":2}',
        b'cb([{"a":1}])',
        b"MIME-Version: 1.0\n\n<table>",
        b"[" * 100_000,
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"x" * 99,
    ],
)
def test_what_only_looks_like_text_is_refused(read, data):
    with pytest.raises((SourceChanged, SourceUnavailable)) as caught:
        read(data)
    assert caught.value.cure


WIDE = ["DATE", "NO", "Price", "Type", "Text", "URL", "Comments"]
LISTED = [[f"{n:02}/01/2018", f"RI-{n}", f"${n}.50", "Boots", f"warm, dry {n}", f"https://shop.example/{n}", ""] for n in range(1, 13)]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        '03/01/2018,RI-3,,$3.50,Boots,"warm, dry 3",https://shop.example/3,',
        "03/01/2018,RI-3,$3.50,Boots,'warm, dry 3',https://shop.example/3,",
        '03/01/2018,RI-3,$3.50Boots"warm, dry 3",https://shop.example/3,,',
    ],
    ids=["a delimiter too many", "other quotes", "a delimiter too few"],
)
def test_a_row_that_slipped_is_set_aside_though_its_width_would_do(read, line):
    lines = written(LISTED, WIDE).splitlines()
    header, rows, told = read("\n".join([*lines[:3], line, *lines[4:], ""]))
    assert (header, rows) == (WIDE, [*LISTED[:2], *LISTED[3:]])
    assert "退回 第 4 行" in told


def test_rows_with_blank_cells_too_many_are_records(read):
    lines = written(LISTED, WIDE).splitlines()
    assert read("\n".join([*lines[:3], lines[3] + ",", *lines[4:], ""]))[:2] == (WIDE, LISTED)


def test_subtotals_of_a_long_text_are_added_up_over_all_its_blocks(read):
    """Set by set: what is a figure counts, whatever its writing; 小计 is for its own part, 合计 for all."""
    row = '某某街道某某社区,{n},"1,000.5",无\n'
    part = "".join(row.format(n=n) for n in range(20_000))
    text = f"社区,户数,金额,备注\n{part}小计,,20010000,\n{part}小　计,,20010001,\n合计,40000户,40020000,\n"
    _, rows, told = read(text)
    assert len(rows) == 40_000
    assert "第 40003 行“金额”小计写 20010001，明细相加为 20010000（20000 行）" in told
    assert told.count("明细相加") == 1
    assert "去掉了 3 行合计" in told


def test_short_lines_behind_a_hash_are_told(read):
    _, rows, told = read("编号,名称,数量\n1,甲,3\n# 以下为补报\n#2,乙\n3,丙,5\n")
    assert [row[0] for row in rows] == ["1", "3"]
    assert "有 2 行以 # 开头" in told


def test_texts_alone_under_a_column_of_other_things_are_a_foot(read):
    _header, rows, told = read(written(LISTED, WIDE) + "FOOTNOTE,,,,,,\n" * 2)
    assert rows == LISTED
    assert "表后的说明没有读入：FOOTNOTE" in told


def test_a_backslash_that_escapes_nothing_is_text(read):
    rows = [[*row[:4], f"8\\'{n}\" \\N, C:\\new", *row[5:]] for n, row in enumerate(LISTED)]
    lines = [",".join([*row[:4], '"' + row[4].replace('"', '\\"') + '"', *row[5:]]) for row in rows]
    assert read("\n".join([",".join(WIDE), *lines, ""]))[1] == rows


def test_blanks_after_delimiters_and_sentences_that_end_in_one(read):
    rows = [[*row[:4], f"warm, dry {n},", *row[5:]] for n, row in enumerate(LISTED)]
    lines = [", ".join([*row[:4], f'"{row[4]}"', *row[5:]]) for row in rows]
    assert read("\n".join([", ".join(WIDE), *lines, ""]))[1] == rows


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


def test_an_end_mark_of_dos_and_pairs_above_a_table_are_no_records(read):
    assert read("编号,名称\n1,甲\n2,乙\n\x1a")[1] == [["1", "甲"], ["2", "乙"]]
    assert read("指标：,人口\n年份：,2020\n\n地区,人口,户数\n甲,1,2\n乙,3,4\n")[:2] == (
        ["地区", "人口", "户数"], [["甲", "1", "2"], ["乙", "3", "4"]],
    )  # fmt: skip


def test_quotation_marks_between_blanks(read):
    assert read('X, "Y" ,Z\na, "b, c" ,d\ne, "f" ,g\n')[0] == ["X", "Y", "Z"]


def test_names_that_differ_by_case_and_names_of_our_own_are_told_apart(read):
    assert read("user,User,_row,a\nu,U,r,1\nv,V,s,2\n")[:2] == (
        ["user", "User#2", "row", "a"], [["u", "U", "r", "1"], ["v", "V", "s", "2"]],
    )  # fmt: skip


def test_a_blank_line_is_no_header(read):
    with pytest.raises(SourceChanged, match="第 2 行是空的"):
        read("a,b\n\n1,2\n", header_row=2)


def test_a_return_alone_ends_a_line_among_others(read):
    header, rows, told = read("编号,名称\n1,甲\r2,乙\n合计,x,y\n3,丙,多\n")
    assert (header, rows) == (["编号", "名称"], [["1", "甲"], ["2", "乙"]])
    assert "退回 第 5 行" in told


@pytest.mark.parametrize(
    ("text", "header", "rows"),
    [
        ('{"code": 0, "body": {"page": {"no": 1, "rows": [{"a": 1}, {"a": 2}]}}}', ["a"], [["1"], ["2"]]),
        ('{"columns": ["姓名", "乡镇"], "index": [0, 1], "data": [["甲", "东"], ["乙", "西"]]}', ["姓名", "乡镇"], [["甲", "东"], ["乙", "西"]]),
        ('{"fields": [{"name": "n"}], "data": [["x"]]}', ["n"], [["x"]]),
        ('{"data": [], "rows": [{"a": 1}]}', ["a"], [["1"]]),
    ],
)  # fmt: skip
def test_json_in_envelopes(read, text, header, rows):
    assert read(text)[:2] == (header, rows)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"东街": [{"a": 1}], "西街": [{"a": 2}]}', "里面有 2 个列表：东街、西街"), ('[{"a": 1, "b": 2, "a": 3}]', "'a' 写了两次"),
        ('{"a": 1}\n{"a": 1, "a": 3}\n', "第 2 行里 'a' 写了两次"), ('{"columns": ["a"], "data": [[1, 2]]}', "最长的一条有 2 个值"),
        ("{\n  'a': 1\n}\n", "不是有效的 JSON"), ('[{"a": [}]', "JSON"),
    ],
)  # fmt: skip
def test_json_that_would_be_read_wrong_is_refused(read, text, told):
    with pytest.raises(HubError) as caught:
        read(text)
    assert told in str(caught.value)


def test_parquet_of_other_programs(read, tmp_path):
    """Objects by their fields, bytes that are text as text, durations with their unit."""
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "人": [{"名": "甲", "址": {"镇": "东"}}, None], "文": ["乙".encode(), b"x"], "码": [b"\x00\x01", None],
        "时": [datetime.timedelta(hours=30), None],
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "p")
    header, rows, told = read((tmp_path / "p").read_bytes())
    assert header == ["人.名", "人.址.镇", "文", "码", "时"]
    assert rows == [["甲", "东", "乙", "0001", "1 day, 6:00:00"], ["", "", "x", "", ""]]
    assert "“码”列是二进制内容" in told


TOWNS = ["东镇", "西镇", "南镇", "北镇", "河镇"]
FIGURES = [[town, n * 7 + 11, n + 0.5] for n, town in enumerate(TOWNS)]
SPELT = [[town, str(n * 7 + 11), f"{n + 0.5:g}"] for n, town in enumerate(TOWNS)]
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


@pytest.mark.parametrize("kind", ["text", "workbook"])
def test_two_tables_side_by_side_are_refused(read, kind):
    rows = [["地区", "户数", "", "地区", "户数"], *[[a[0], a[1], "", a[0], a[1]] for a in FIGURES]]
    with pytest.raises(SourceChanged, match="第 4 列起表头又来一遍"):
        read(book(rows) if kind == "workbook" else written(rows[1:], rows[0]))


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


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a,b\n1,x\x00y\n", "内容不是文字"),
        ("<r><甲><i><a>1</a></i><i><a>2</a></i></甲><乙><i><b>1</b></i><i><b>2</b></i></乙></r>", "里面有 2 个列表：甲、乙"),
        (packed({"a.csv": "x,y\n1,2\n"}).replace(b"a.csv", b"b.csv", 1), "与目录对不上"),
    ],
)  # fmt: skip
def test_what_would_be_read_in_part_is_refused(read, data, told):
    with pytest.raises(HubError) as caught:
        read(data)
    assert told in str(caught.value)


def test_elements_that_stand_once_or_several_times_are_told(read):
    _, rows, told = read("<r><p><电话>1</电话><电话>2</电话></p><p><电话>3</电话></p></r>")
    assert rows == [['["1","2"]'], ["3"]]
    assert "“电话”在有的记录里不止一个" in told
