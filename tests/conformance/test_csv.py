"""Delimited text files."""

import os

import pytest

from connectors.drivers import open_driver
from schemas.errors import SourceChanged, SourceUnavailable
from tests.conformance.files import FileConformance, FileSource, write_csv
from tests.conformance.suite import COLUMNS, FIELDS, ROWS, failure, read, rows_of, texts

HEADER = ",".join(COLUMNS)


class CSVSource(FileSource):
    driver, suffix, breaks = "csv", ".csv", 1

    def write(self, path, rows, columns=COLUMNS):
        write_csv(path, rows, columns, "gb18030")


@pytest.fixture
def source(tmp_path, monkeypatch):
    made = CSVSource(tmp_path / "住建 局")
    monkeypatch.setenv("HUB_INBOX", str(made.folder))
    made.put(ROWS)
    return made


def place(source, data, **options):
    """Put bytes (or text as UTF-8) into the folder as the only file."""
    for path in source.folder.iterdir():
        path.unlink()
    (source.folder / "a.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
    return source.connector(**options)


class TestCSV(FileConformance):
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
    def test_every_encoding_is_recognised(self, source, encoding):
        write_csv(source.file, ROWS, COLUMNS, encoding)
        assert texts(rows_of(source.connector())) == [source.expected(row) for row in ROWS]

    def test_four_byte_characters_across_block_ends(self, source, monkeypatch):
        from connectors import delimited

        monkeypatch.setattr(delimited, "_BLOCK", 101)
        rows = [(f"T{n}", "𠮷㼆😀" * 5, None, None, n, "县") for n in range(200)]
        source.put(rows)
        assert texts(rows_of(source.connector())) == [source.expected(row) for row in rows]

    def test_wrong_encoding_tells_the_byte(self, source):
        data = f"{HEADER}\nT1,县,,,1,".encode("gb18030")
        told = failure(place(source, data + b"\xff\xff\n"), SourceChanged)
        assert f"第 {len(data) + 1} 个字节（ff ff）" in told
        told = failure(place(source, f"{HEADER}\nT1,县,,,1,".encode() + b"\xc4\xe3\n"), SourceChanged)
        assert f"第 {len(f'{HEADER}{chr(10)}T1,县,,,1,'.encode()) + 1} 个字节" in told
        assert "UTF-8" in told

    def test_declared_encoding_is_kept_to(self, source):
        write_csv(source.file, ROWS, COLUMNS, "utf-8")
        failure(source.connector(encoding="utf-16"), SourceChanged)

    def test_title_unit_and_foot_are_no_records(self, source):
        text = f"某县住建局台账\n单位：万元,2026年3月\n\n{HEADER}\nT1,甲,,12,1,x\n合计,,,12,1,\n填表人：张三,,,,,\n审核人：李四\n"
        [(delivery, rows)] = read(place(source, text))
        assert [(row["编号"], row["_row"]) for row in rows] == [("T1", 5)]
        assert delivery.captions == ["某县住建局台账", "单位：万元 2026年3月"]
        assert delivery.units == {"*": "万元"}
        assert [finding.code for finding in delivery.findings] == ["foot_dropped"]

    @pytest.mark.parametrize("tail", ["", ",,,,,"])
    def test_notes_of_several_lines_are_no_records(self, source, tail):
        text = f"{HEADER}\nT1,甲,,12,1,x\n注：1.抽样数据{tail}\n　　2.加权汇总{tail}\n数据来源：统计局{tail}\n"
        [(delivery, rows)] = read(place(source, text))
        assert [row["编号"] for row in rows] == ["T1"]
        assert "3 行" in delivery.findings[0].message

    @pytest.mark.parametrize("tail", ["", ",,,12,1,"])
    def test_lines_stay_true_behind_a_subtotal(self, source, tail):
        text = f'{HEADER}\nT1,"甲\n",,12,1,x\n小计{tail}\n\nT2,乙,,12,1,x\n小计{tail}\n小计{tail}\nT3,丙,,,1,x\n'
        assert [(row["编号"], row["_row"]) for row in rows_of(place(source, text))] == [("T1", 2), ("T2", 6), ("T3", 9)]

    def test_total_that_does_not_agree_is_told(self, source):
        text = f"{HEADER}\nT1,甲,,12,1,x\nT2,乙,,3.5,1,x\n合计,2家,,16,2,\n"
        told = [f.message for f in read(place(source, text))[0][0].findings]
        assert told == ["第 4 行“金额”合计写 16，明细相加为 15.5（2 行）", "去掉了 1 行合计"]

    def test_unit_in_a_header_is_told_apart(self, source):
        text = f"{HEADER.replace('金额', '金额（万元）')}\nT1,甲,,12,1,x\n"
        [(delivery, rows)] = read(place(source, text))
        assert (rows[0]["金额"], delivery.units) == ("12", {"金额": "万元"})

    def test_row_is_the_line_in_the_file(self, source):
        text = f'{HEADER}\r\nT1,"两\r\n行",,,1,\r\n\r\nT2,乙,,,2,"三\n行\n字"\r\n,,,,,\r\nT3,丙,,,3,\r\n'
        assert [(row["编号"], row["_row"]) for row in rows_of(place(source, text))] == [("T1", 2), ("T2", 5), ("T3", 9)]

    @pytest.mark.parametrize(
        ("delimiter", "option"), [("\t", None), (";", None), ("|", None), ("\t", "tab"), ("^", "^")]
    )
    def test_delimiters(self, source, delimiter, option):
        text = f"{HEADER}\nT1,甲,,,1,x\n".replace(",", delimiter)
        assert rows_of(place(source, text, **({"delimiter": option} if option else {})))[0]["备注"] == "x"

    def test_excels_own_separator_line(self, source):
        text = "sep=;\n" + f"{HEADER}\nT1,甲,,,1,x\n".replace(",", ";")
        assert rows_of(place(source, text))[0]["_row"] == 3

    def test_header_row_may_be_told(self, source):
        text = f"{HEADER}\n{HEADER}\nT1,甲,,,1,x\n"
        assert [row["_row"] for row in rows_of(place(source, text, header_row=2))] == [3]
        [(delivery, rows)] = read(place(source, text))  # the names once more are no record
        assert ([row["_row"] for row in rows], delivery.findings[-1].code) == ([3], "header_again")

    def test_footer_rows(self, source):
        text = f"{HEADER}\n" + "".join(f"T{n},甲,,,1,x\n" for n in range(5)) + "打印时间,2026-03-01,,,,\n第1页,,,,,\n"
        assert [row["编号"] for row in rows_of(place(source, text, footer_rows=2))] == [f"T{n}" for n in range(5)]

    def test_rows_of_another_width_are_set_aside_with_their_lines(self, source):
        text = f"{HEADER}\nT1,甲,,,1,x\nT2,乙,多,,,1,x\n\nT3,丙,,,1\nT4,丁,,,1,x\n"
        rows = rows_of(place(source, text))
        assert [(row["_row"], row["编号"], row["_flaw"]) for row in rows] == [
            (2, "T1", None),
            (3, "T2", "这一行有 7 格，表头有 6 列：T2,乙,多,,,1,x"),
            (5, "T3", "这一行有 5 格，表头有 6 列：T3,丙,,,1"),
            (6, "T4", None),
        ]

    def test_lines_are_right_below_a_row_of_another_width_with_line_breaks(self, source):
        text = f'{HEADER}\nT1,"甲\n乙",,,1,x\nT2,"多\n\n余",,,1,x,y\nT3,丙,,,1,"z\nz"\nT4,丁,,,1,x\n'
        rows = rows_of(place(source, text))
        assert [(row["_row"], row["编号"], row["_flaw"] is None) for row in rows] == [
            (2, "T1", True),
            (4, "T2", False),
            (7, "T3", True),
            (9, "T4", True),
        ]

    def test_a_file_of_another_width_throughout_is_refused(self, source):
        told = failure(place(source, f"{HEADER}\n" + "T1,甲,,,1,x,多\n" * 9), SourceChanged)
        assert "第 2 行 7 列" in told

    def test_blank_cells_beyond_or_before_the_end_of_the_line(self, source):
        text = f"{HEADER}\n" + "".join(f"T{n},甲,,,{n},x,\n" for n in range(5))
        assert [(row["备注"], row["_flaw"]) for row in rows_of(place(source, text))] == [("x", None)] * 5
        text = f"{HEADER}\n" + "".join(f"T{n},甲\n" if n % 2 else f"T{n},甲,,,{n},x\n" for n in range(8))
        [(delivery, rows)] = read(place(source, text))
        assert {row["_flaw"] for row in rows} == {None}
        assert [f.code for f in delivery.findings] == ["short_rows"]

    def test_torn_last_line_is_waited_for(self, source):
        assert "没有传完" in failure(place(source, f"{HEADER}\nT1,甲,,,1,x\nT2,乙,,"), SourceUnavailable)
        assert "没有传完" in failure(place(source, f'{HEADER}\nT1,甲,,,1,x\nT2,乙,,,1,"半'), SourceUnavailable)
        assert "没有传完" in failure(
            place(source, f"{HEADER}\nT1,甲,,,1,x\nT2,乙,,,1,县".encode()[:-1]), SourceUnavailable
        )
        assert "没有传完" in failure(
            place(source, f"{HEADER}\nT1,甲,,,1,x\nT2,乙,,,1,x", strict_end=True), SourceUnavailable
        )
        assert len(rows_of(place(source, f"{HEADER}\nT1,甲,,,1,x\nT2,乙,,,1,x"))) == 2

    def test_quotation_mark_that_swallows_lines_is_refused(self, source):
        text = f'{HEADER}\nT1,"甲,,,1,x\nT2,乙,,,1,x\nT3,丙",,,1,x\n'
        assert "第 2 行" in failure(place(source, text), SourceChanged)

    def test_lone_quotation_mark_inside_is_text(self, source):
        assert rows_of(place(source, f'{HEADER}\nT1,5" 管,,,1,x\nT2,乙,,,1,x\n'))[0]["名称"] == '5" 管'

    def test_second_column_of_a_name_is_kept_apart(self, source):
        text = f"{HEADER},备注\nT1,甲,,,1,x,y\n"
        [(delivery, rows)] = read(place(source, text))
        assert (rows[0]["备注"], rows[0]["备注#2"]) == ("x", "y")
        assert [finding.code for finding in delivery.findings] == ["repeated_header"]
        assert read(place(source, text, fields={**FIELDS, "other": "备注#2"}))[0][0].findings == []

    def test_nul_is_made_visible(self, source):
        assert rows_of(place(source, f"{HEADER}\nT1,a\0b,,,1,x\n"))[0]["名称"] == "a\ufffdb"

    def test_workbook_under_another_name_is_told(self, source):
        assert "Excel" in failure(place(source, b"PK\x03\x04" + b"\0" * 100), SourceChanged)

    def test_big_files_stream(self, source):
        source.put([(f"T{n}", "县" * 100, None, None, n, None) for n in range(60_000)])
        [delivery] = open_driver(source.connector()).deliveries(None, ())
        sizes, last = [], None
        for batch in delivery.batches():
            sizes.append(batch.num_rows)
            last = batch
        assert (sum(sizes), last.column("_row")[-1].as_py()) == (60_000, 60_001)
        assert len(sizes) > 1

    def test_unreadable_file_does_not_stop_the_others(self, source, monkeypatch):
        (source.folder / "b.csv").symlink_to(source.folder / "gone")
        (source.folder / "c.csv").write_bytes(source.file.read_bytes() + b"T9,\xc5\xb6,,,9,\n")
        source.file.write_bytes(b"")
        os.utime(source.file, (1, 1))
        bad, good = open_driver(source.connector()).deliveries(None, ())
        with pytest.raises(SourceChanged):
            list(bad.batches())
        assert sum(batch.num_rows for batch in good.batches()) == len(ROWS) + 1
