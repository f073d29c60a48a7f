"""Workbooks of both kinds, real ones: .xlsx by xlsxwriter, .xls by xlwt."""

from datetime import datetime

import pytest
import xlsxwriter
import xlwt

from schemas.errors import SourceChanged, SourceUnavailable
from tests.conformance.files import FileConformance, FileSource
from tests.conformance.suite import COLUMNS, ROWS, failure, read, rows_of

LEDGER = {"kind": "类别", "unit": "责任/牵头单位", "person": "责任/责任人", "money": "投资额", "note": "备注"}


class Sheet:
    """One sheet to fill, the same way for both kinds."""

    def __init__(self, book, name):
        self.old = isinstance(book, xlwt.Workbook)
        self.book = book
        self.sheet = book.add_sheet(name, cell_overwrite_ok=True) if self.old else book.add_worksheet(name)

    def write(self, row, column, value, style=None):
        if value is None:
            return
        if isinstance(value, datetime):
            if self.old:
                style = xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm" if value.hour else "yyyy-mm-dd")
                self.sheet.write(row, column, value, style)
            else:
                style = self.book.add_format({"num_format": "yyyy-mm-dd hh:mm" if value.hour else "yyyy-mm-dd"})
                self.sheet.write_datetime(row, column, value, style)
        elif self.old or not isinstance(value, str):
            self.sheet.write(row, column, value)
        else:
            self.sheet.write_string(row, column, value)

    def merge(self, row0, column0, row1, column1, value):
        if self.old:
            self.sheet.write_merge(row0, row1, column0, column1, value)
        else:
            self.sheet.merge_range(row0, column0, row1, column1, value)

    def rows(self, rows, start=0):
        for number, row in enumerate(rows, start):
            for column, value in enumerate(row):
                self.write(number, column, value)
        return self

    def hide(self):
        if self.old:
            self.sheet.visibility = 1
        else:
            self.sheet.hide()


class ExcelSource(FileSource):
    driver = "excel"

    def __init__(self, folder, suffix):
        self.suffix = suffix
        super().__init__(folder)

    def book(self, fill, path=None):
        """Make a workbook at `path`; `fill` is given a function that adds a sheet."""
        path = path or self.file
        book = xlwt.Workbook(encoding="utf-8") if self.suffix == ".xls" else xlsxwriter.Workbook(str(path))
        fill(lambda name: Sheet(book, name))
        if self.suffix == ".xls":
            book.save(str(path))
        else:
            book.close()

    def write(self, path, rows, columns=COLUMNS):
        self.book(lambda sheet: sheet("台账").rows([columns, *rows]), path)


@pytest.fixture(params=[".xls", ".xlsx"])
def source(request, tmp_path, monkeypatch):
    made = ExcelSource(tmp_path / "整改 台账", request.param)
    monkeypatch.setenv("HUB_INBOX", str(made.folder))
    made.put(ROWS)
    return made


def ledger(sheet, total=60.5, rows=3):
    """A title, a unit line, a two-row header with groups, merged cells, a subtotal, a total, signatures."""
    sheet.merge(0, 0, 0, 4, "某县营商环境整改台账")
    sheet.write(1, 0, "填报日期：2026年3月")
    sheet.write(1, 4, "单位：万元")
    for column, name in ((0, "类 别"), (3, "投资额"), (4, "备注")):
        sheet.merge(2, column, 3, column, name)
    sheet.merge(2, 1, 2, 2, "责任")
    sheet.rows([(None, "牵头单位", "责任\n人")], 3)
    sheet.rows([(None, 1, 2, 3, 4)], 4)  # the columns numbered
    sheet.merge(5, 0, 6, 0, "政务服务")
    sheet.rows([(None, "县金融办", "张三", 10, "1.两行\n2.三"), (None, "县投促局", "李四", 20.5, None)], 5)
    sheet.rows([("小计", None, None, 30.5, None)], 7)
    sheet.rows([("获得信贷", "县𠮷局", None, 30, "x"), ("", None, None, None, None)], 8)
    sheet.rows([("合　计", f"{rows}项", None, total, None), ("填表人：王五", None, "审核人：赵六")], 10)
    return sheet


class TestExcel(FileConformance):
    def test_cells_of_every_type(self, source):
        row = [
            "文字",
            7,
            0.1 + 0.2,
            12.5,
            True,
            datetime(2026, 3, 1),
            datetime(2026, 3, 1, 8, 30),
            915109990000000860.0,
            999999999999999.0,
            "007",
            -3.0,
        ]
        names = [f"栏{n}" for n in range(len(row))]
        source.book(lambda sheet: sheet("一").rows([names, row]))
        [found] = rows_of(source.connector(fields={f"f{n}": name for n, name in enumerate(names)}))
        assert [found[name] for name in names] == [
            "文字", "7", "0.3", "12.5", "true", "2026-03-01", "2026-03-01 08:30:00", "9.151099900000009e+17", "999999999999999", "007", "-3",
        ]  # fmt: skip

    def test_a_clerks_ledger_needs_no_code(self, source):
        source.book(lambda sheet: ledger(sheet("台账")))
        [(delivery, rows)] = read(source.connector(fields=LEDGER))
        assert [tuple(row[name] for name in LEDGER.values()) for row in rows] == [
            ("政务服务", "县金融办", "张三", "10", "1.两行\n2.三"),
            ("政务服务", "县投促局", "李四", "20.5", None),
            ("获得信贷", "县𠮷局", None, "30", "x"),
        ]
        assert [(row["_sheet"], row["_row"]) for row in rows] == [("台账", 6), ("台账", 7), ("台账", 9)]
        assert delivery.captions == ["某县营商环境整改台账", "填报日期：2026年3月 单位：万元"]
        assert delivery.units == {"*": "万元"}
        assert [finding.code for finding in delivery.findings] == ["foot_dropped", "numbering"]

    def test_notes_of_several_lines_are_no_records(self, source):
        source.book(
            lambda sheet: sheet("一").rows(
                [("名称", "数"), ("a", 1), ("注：1.抽样",), ("　2.加权",), ("数据来源：统计局",)]
            )
        )
        [(delivery, rows)] = read(source.connector(fields={"n": "名称", "m": "数"}))
        assert [row["名称"] for row in rows] == ["a"]
        assert delivery.findings[0].message.endswith("去掉了 3 行说明")

    def test_total_that_does_not_agree_is_told(self, source):
        source.book(lambda sheet: ledger(sheet("台账"), total=99, rows=5))
        told = [f.message for f in read(source.connector(fields=LEDGER))[0][0].findings if f.code == "total_mismatch"]
        assert len(told) == 2
        assert "“5项”，实有 3 行" in told[0]
        assert "“投资额”合计写 99，明细相加为 60.5" in told[1]

    def test_merged_value_stays_inside_its_range(self, source):
        def fill(sheet):
            one = sheet("一").rows([("类别", "名称"), (None, "a"), (None, "b"), (None, "c")])
            one.merge(1, 0, 2, 0, "甲")

        source.book(fill)
        fields = {"kind": "类别", "name": "名称"}
        assert [row["类别"] for row in rows_of(source.connector(fields=fields))] == ["甲", "甲", None]
        assert [row["类别"] for row in rows_of(source.connector(fields=fields, fill_merged=False))] == [
            "甲",
            None,
            None,
        ]

    @pytest.mark.parametrize("header", ["注册资本（万元）", "注册资本(万元)", "注册资本 （单位：万元）"])
    def test_unit_in_a_header_is_told_apart(self, source, header):
        source.book(lambda sheet: sheet("一").rows([("名称", header), ("a", 5)]))
        [(delivery, rows)] = read(source.connector(fields={"n": "名称", "c": "注册资本"}))
        assert (rows[0]["注册资本"], delivery.units) == ("5", {"注册资本": "万元"})

    def test_bracket_without_unit_is_part_of_the_name(self, source):
        source.book(lambda sheet: sheet("一").rows([("名称（全称）",), ("a",)]))
        assert rows_of(source.connector(fields={"n": "名称（全称）"}))[0]["名称（全称）"] == "a"
        failure(source.connector(fields={"n": "名称"}), SourceChanged)

    def test_first_sheet_that_fits_is_taken(self, source):
        def fill(sheet):
            sheet("填表说明").rows([("请按要求填写",)])
            sheet("三月").rows([("名称",), ("a",)])
            sheet("二月").rows([("名称",), ("b",)])

        source.book(fill)
        [(delivery, rows)] = read(source.connector(fields={"n": "名称"}))
        assert [(row["名称"], row["_sheet"]) for row in rows] == [("a", "三月")]
        assert "二月" in delivery.findings[0].message

    @pytest.mark.parametrize(
        ("rule", "found"),
        [("*镇", "ab"), ("东镇", "a"), (3, "b"), (["东镇", "说明"], "ac"), ("*", "acb"), (["隐*", "隐藏"], "d")],
    )
    def test_sheets_by_rule(self, source, rule, found):
        def fill(sheet):
            for name, value in (("东镇", "a"), ("说明", "c"), ("西镇", "b")):
                sheet(name).rows([("名称", value), (value, 1)])
            hidden = sheet("隐藏").rows([("名称",), ("d",)])
            hidden.hide()

        source.book(fill)
        [(delivery, rows)] = read(source.connector(fields={"n": "名称"}, sheet=rule))
        assert "".join(row["名称"] for row in rows) == found
        assert [finding.code for finding in delivery.findings] == ["hidden_sheet"]

    def test_sheet_that_is_not_there_is_told(self, source):
        assert "台账" in failure(source.connector(sheet="总表"), SourceChanged)

    def test_units_that_differ_between_sheets_are_refused(self, source):
        def fill(sheet):
            sheet("东镇").rows([("名称", "金额（万元）"), ("a", 1)])
            sheet("西镇").rows([("名称", "金额（元）"), ("b", 1)])

        source.book(fill)
        assert "西镇" in failure(source.connector(fields={"n": "名称", "m": "金额"}, sheet="*镇"), SourceChanged)

    def test_rows_with_a_number_only_are_left_out(self, source):
        source.book(
            lambda sheet: sheet("一").rows([("序号", "名称"), (1, "a"), (2, None), (3, " "), (None, None), (4, "b")])
        )
        [(delivery, rows)] = read(source.connector(fields={"n": "名称"}))
        assert [(row["名称"], row["_row"]) for row in rows] == [("a", 2), (" ", 4), ("b", 6)]
        assert [finding.code for finding in delivery.findings] == ["number_only"]

    def test_table_may_begin_anywhere(self, source):
        def fill(sheet):
            one = sheet("一")
            for row, cells in enumerate([("编号", "名称"), ("T1", "a")], 4):
                for column, value in enumerate(cells, 3):
                    one.write(row, column, value)

        source.book(fill)
        [row] = rows_of(source.connector(fields={"k": "编号", "n": "名称"}))
        assert (row["编号"], row["名称"], row["_row"]) == ("T1", "a", 6)

    def test_header_may_be_told(self, source):
        source.book(lambda sheet: sheet("一").rows([("名称",), ("名称",), ("a",), ("完",)]))
        assert [
            row["名称"]
            for row in rows_of(source.connector(fields={"n": "名称"}, header_row=2, header_rows=1, footer_rows=1))
        ] == ["a"]

    def test_a_web_page_called_xls_is_read_and_one_without_a_table_told(self, source):
        names = list(source.connector().source_columns)
        rows = "".join(
            f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in (names, ["T1"] * len(names))
        )
        source.file.write_bytes(f"<html><table>{rows}</table></html>".encode("gbk"))
        assert [[row[name] for name in names] for row in rows_of(source.connector())] == [["T1"] * len(names)]
        source.file.write_bytes("<html><body>请登录</body></html>".encode())
        assert "网页" in failure(source.connector(), SourceChanged)

    def test_text_called_xls_is_told(self, source):
        source.file.write_bytes("编号,名称\n1,2\n".encode("gbk"))
        assert "文本" in failure(source.connector(), SourceChanged)

    def test_last_bytes_missing_is_noticed(self, source):
        whole = source.file.read_bytes()
        source.file.write_bytes(whole[:-600])
        failure(source.connector(), SourceUnavailable)
        source.file.write_bytes(whole[:7])
        failure(source.connector(), SourceUnavailable)

    def test_many_rows(self, source):
        count = 25_000
        source.put([(f"T{n}", "县", None, None, n, None) for n in range(count)])
        rows = rows_of(source.connector())
        assert (len(rows), rows[-1]["_row"]) == (count, count + 1)


def test_hidden_rows_and_columns_are_told(tmp_path, monkeypatch):
    source = ExcelSource(tmp_path / "x", ".xlsx")
    monkeypatch.setenv("HUB_INBOX", str(source.folder))

    def fill(sheet):
        one = sheet("一 & 二").rows([("名称", "备注"), ("a", "x"), ("b", "y"), ("c", "z")])
        one.sheet.set_row(2, None, None, {"hidden": True})
        one.sheet.set_column(1, 1, None, None, {"hidden": True})

    source.book(fill)
    [(delivery, rows)] = read(source.connector(fields={"n": "名称"}))
    assert len(rows) == 3
    assert [finding.message for finding in delivery.findings] == [
        "工作表“一 & 二”里有隐藏的 1 行、1 列，已一并读入，请填报人确认"
    ]


def test_archive_that_is_no_workbook_is_told(tmp_path, monkeypatch):
    import zipfile

    source = ExcelSource(tmp_path / "x", ".xlsx")
    monkeypatch.setenv("HUB_INBOX", str(source.folder))
    with zipfile.ZipFile(source.file, "w") as archive:
        archive.writestr("a.txt", "x")
    assert "压缩包" in failure(source.connector(), SourceChanged)
