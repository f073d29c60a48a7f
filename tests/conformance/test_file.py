"""Files of any kind: what is in them decides, not what they are called."""

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from connectors import content
from schemas.errors import SourceChanged, SourceUnavailable
from tests.conformance.files import FileConformance, FileSource, write_csv
from tests.conformance.suite import COLUMNS, ROWS, failure, read, rows_of, texts

TEXT = "编号,名称,更新时间,金额,数量,备注\nT1,甲,,1.50,1,x\nT2,乙,,,2,\n"
PLAIN = [("T1", "甲", None, "1.50", "1", "x"), ("T2", "乙", None, None, "2", None)]


class PackedSource(FileSource):
    driver, suffix, breaks = "file", ".dat", 1

    def write(self, path, rows, columns=COLUMNS):
        write_csv(path, rows, columns, "gb18030")
        path.write_bytes(gzip.compress(path.read_bytes()))


class LinesSource(FileSource):
    driver, suffix = "file", ".txt"

    def write(self, path, rows, columns=COLUMNS):
        names = [name.strip() for name in columns]
        lines = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows]
        path.write_text("".join(line + "\n" for line in lines) or "[]\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_INBOX", str(tmp_path / "放文件"))
    return tmp_path / "放文件"


@pytest.fixture
def source(folder, request):
    made = PackedSource(folder)
    made.put(ROWS)
    return made


class TestPacked(FileConformance):
    """Gzipped GB18030 text under a name that says nothing."""


def place(source, data, **options):
    """Put bytes into the folder as the only file."""
    for path in source.folder.iterdir():
        path.unlink()
    (source.folder / "a.dat").write_bytes(data)
    return source.connector(**options)


def workbook(sheets):
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for column, value in enumerate(row):
                    sheet.write_string(number, column, value)
    return made.getvalue()


def zipped(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def parquet():
    made = io.BytesIO()
    columns = list(zip(*PLAIN, strict=True))
    table = pa.table(dict(zip(COLUMNS, columns, strict=True))).set_column(4, "数量", pa.array([1, 2], pa.int64()))
    pq.write_table(table, made)
    return made.getvalue()


RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in PLAIN]
XML = "".join("<行>" + "".join(f"<{k}>{v or ''}</{k}>" for k, v in r.items()) + "</行>" for r in RECORDS)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode("gb18030"),
        TEXT.replace(",", "；").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        workbook({"表": [row.split(",") for row in TEXT.splitlines()]}),
        json.dumps({"code": 0, "data": {"list": RECORDS}}, ensure_ascii=False).encode(),
        json.dumps([list(COLUMNS), *PLAIN], ensure_ascii=False).encode("gb18030"),
        "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in RECORDS).encode(),
        f'<?xml version="1.0" encoding="UTF-8"?><答><头/><体>{XML}</体></答>'.encode(),
        parquet(),
        zipped({"甲/一.csv": TEXT.encode("gb18030"), "__MACOSX/._一.csv": b"\0\1"}),
        gzip.compress(TEXT.encode()),
    ],
    ids=["gb18030", "wide-semicolon", "cr", "utf-16", "utf-16-le", "xlsx", "json", "json-lists", "jsonl", "xml", "parquet", "zip", "gzip"],
)  # fmt: skip
def test_every_kind_is_told_by_its_content(source, data):
    assert texts(rows_of(place(source, data))) == PLAIN


def test_zstd_is_unpacked(source):
    assert texts(rows_of(place(source, pa.compress(TEXT.encode(), "zstd", asbytes=True)))) == PLAIN


def test_files_of_an_archive_stand_under_one_another(source):
    data = zipped({"b.csv": TEXT.encode(), "a.csv": TEXT.encode("gb18030"), "说明.pdf": b"%PDF-1.7"})
    assert "PDF" in failure(place(source, data), SourceChanged)
    rows = rows_of(place(source, data, member="*.csv"))
    assert [(row["_sheet"], row["编号"]) for row in rows] == [("a.csv", "T1"), ("a.csv", "T2"), ("b.csv", "T1"), ("b.csv", "T2")]  # fmt: skip


def test_file_names_in_gbk(source):
    data = zipped({"yy1.csv": TEXT, "b.csv": TEXT}).replace(b"yy1.csv", "一1.csv".encode("gb18030"))
    assert {row["_sheet"] for row in rows_of(place(source, data))} == {"b.csv", "一1.csv"}


def test_nested_objects_become_dotted_columns(source):
    data = [{"编号": "T1", "名称": "甲", "更新时间": None, "金额": 1.50, "数量": 12345678901234567890, "备注": {"a": {"b": [1, 2.0]}}}]  # fmt: skip
    [row] = rows_of(
        place(source, json.dumps(data, ensure_ascii=False).encode(), fields={"note": "备注.a.b", "count": "数量"})
    )
    assert (row["备注.a.b"], row["数量"]) == ("[1,2.0]", "12345678901234567890")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        ("<html><body>请登录</body></html>".encode(), "网页"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>', "Excel 2003"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a><x>&b;</x></a>', "实体"),
        (zipped({"a.zip": zipped({"b.csv": TEXT})}), "压缩包里的压缩包"),
        (zipped({"a.txt": b"", "b/": b""}), "没有文字"),
    ],
    ids=["pdf", "html", "excel-2003", "entities", "zip-in-zip", "empty"],
)
def test_what_is_no_table_is_refused(source, data, told):
    assert told in failure(place(source, data), SourceChanged)


def test_archive_that_grows_without_end_is_refused(source, monkeypatch):
    monkeypatch.setattr(content, "_FREE", 1 << 20)
    bomb = b"a,b\n" + b"1,2\n" * (1 << 20)
    assert "异常地大" in failure(place(source, gzip.compress(bomb)), SourceChanged)
    assert "异常地大" in failure(place(source, zipped({"a.csv": bomb})), SourceChanged)


@pytest.mark.parametrize(
    "data", [gzip.compress(TEXT.encode() * 999), zipped({"a.csv": TEXT * 999})], ids=["gzip", "zip"]
)
def test_archive_cut_off_is_waited_for(source, data):
    assert "没有传完" in failure(place(source, data[: len(data) // 2]), SourceUnavailable)


def test_protected_archive_is_refused(source):
    data = bytearray(zipped({"a.csv": TEXT}))
    data[6] |= 1
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    assert "密码" in failure(place(source, bytes(data)), SourceChanged)


def test_cells_in_opposite_corners_are_refused_before_they_fill_the_memory(source):
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, 1)
        sheet.write(1_048_575, 16_383, 1)
    assert "横跨 1,048,576 行 16,384 列" in failure(place(source, made.getvalue()), SourceChanged)


def test_macros_are_refused(source):
    made = io.BytesIO(workbook({"a": [["编号"]]}))
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"x")
    assert "宏" in failure(place(source, made.getvalue()), SourceChanged)


def test_lines_of_objects_conform(folder):
    made = LinesSource(folder)
    made.put(ROWS)
    [(delivery, rows)] = read(made.connector())
    assert texts(rows) == [tuple(None if v is None else str(v) for v in row) for row in ROWS]
    assert [row["_row"] for row in rows] == [1, 2, 3, 4]
    assert read(made.connector(), seen={delivery.content_sha256}) == []
    whole = made.file.read_bytes()
    made.file.write_bytes(whole[: len(whole) - 9])
    assert "没有传完" in failure(made.connector(), SourceUnavailable)
