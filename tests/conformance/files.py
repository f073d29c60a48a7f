"""What every file driver promises about a folder files are dropped into."""

from __future__ import annotations

import csv
import os
import time

import pytest

from connectors.drivers import open_driver
from schemas.errors import SourceChanged, SourceUnavailable
from tests.conformance.suite import COLUMNS, FIELDS, ROWS, Conformance, Source, failure, read, rows_of


def write_csv(path, rows, columns, encoding):
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


class FileSource(Source):
    modes = ("file", "file_full")
    driver = suffix = ""
    breaks = 0  # lines that a line break inside a cell of ROWS adds

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir()
        self.file = folder / f"a{self.suffix}"

    def options(self):
        return {"driver": self.driver, "path": f"${{HUB_INBOX}}/*{self.suffix}", "settle": 0}

    def put(self, rows, columns=COLUMNS):
        self.write(self.file, rows, columns)

    def write(self, path, rows, columns=COLUMNS):
        raise TypeError


class FileConformance(Conformance):
    def test_cells_are_text_with_their_place(self, source):
        [(delivery, rows)] = read(source.connector())
        assert [row["_row"] for row in rows] == [2, 3, 4 + source.breaks, 5 + source.breaks]
        assert delivery.content_sha256
        assert {type(value) for row in rows for name, value in row.items() if name != "_row"} <= {str, type(None)}

    def test_second_run_finds_nothing_new(self, source):
        [(delivery, _)] = read(source.connector())
        assert read(source.connector(), seen={delivery.content_sha256}) == []

    def test_same_bytes_under_another_name_come_once(self, source):
        (source.folder / f"b{source.suffix}").write_bytes(source.file.read_bytes())
        assert len(read(source.connector())) == 1

    def test_corrected_file_under_the_same_name_comes_again(self, source):
        first = source.file.read_bytes()
        [(delivery, _)] = read(source.connector())
        source.put(ROWS[:2])
        [(again, rows)] = read(source.connector(), seen={delivery.content_sha256})
        assert (again.name, len(rows)) == (delivery.name, 2)
        source.file.write_bytes(first)  # put back as it was
        taken = {delivery.content_sha256, again.content_sha256}
        assert read(source.connector(), seen=taken) == []
        [(back, _)] = read(source.connector(), seen={*taken, f"{delivery.name} {delivery.content_sha256}"})
        assert back.content_sha256 == delivery.content_sha256

    def test_files_come_oldest_first_or_by_name(self, source):
        source.write(source.folder / f"0{source.suffix}", ROWS[:1])
        os.utime(source.file, (1000, 1000))
        assert [d.name for d, _ in read(source.connector())] == [source.file.name, f"0{source.suffix}"]
        assert [d.name for d, _ in read(source.connector(order="name"))] == [f"0{source.suffix}", source.file.name]

    def test_fresh_file_is_waited_for(self, source):
        begun = time.monotonic()
        assert len(read(source.connector(settle=0.3))) == 1
        assert time.monotonic() - begun >= 0.2

    def test_growing_file_is_left_alone(self, source, monkeypatch):
        def growing(seconds):
            with source.file.open("ab") as file:
                file.write(b"more")

        monkeypatch.setattr(time, "sleep", growing)
        assert read(source.connector(settle=5)) == []

    def test_marker_says_that_a_file_is_whole(self, source):
        assert read(source.connector(marker=".ok")) == []
        source.file.with_name(source.file.name + ".ok").touch()
        assert len(read(source.connector(marker=".ok"))) == 1

    @pytest.mark.parametrize("name", ["b{}.part", "b{}.tmp", "~$b{}", ".b{}"])
    def test_unfinished_names_are_left_alone(self, source, name):
        name = name.format(source.suffix)
        (source.folder / name).write_bytes(source.file.read_bytes()[:50])
        assert len(read(source.connector(path="${HUB_INBOX}/*"))) == 1

    def test_empty_file_is_told(self, source):
        source.file.write_bytes(b"")
        assert "空" in failure(source.connector(), SourceChanged)

    def test_missing_column_asks_the_department(self, source):
        source.put([(r[0], *r[2:]) for r in ROWS], ("编号", *COLUMNS[2:]))
        assert "'名称'" in failure(source.connector(), SourceChanged)
        source.put(ROWS, ("编号", "名称简", *COLUMNS[2:]))
        assert "'名称简'" in failure(source.connector(), SourceChanged)

    def test_blanks_and_width_in_headers_do_not_matter(self, source):
        source.put(ROWS, (" 编 号", "名　称", *COLUMNS[2:5], "备注\n"))
        assert set(FIELDS.values()) <= set(rows_of(source.connector())[0])

    def test_ledger_without_rows_closes_nothing(self, source):
        source.put([])
        [(delivery, rows)] = read(source.connector("file"))
        assert (rows, [finding.code for finding in delivery.findings]) == ([], ["no_rows"])
        failure(source.connector("file_full"), SourceChanged)
        assert read(source.connector("file_full", allow_empty=True))[0][1] == []

    def test_cut_off_file_is_waited_for(self, source):
        source.put([(f"T{n}", f"名称{n}" * 9, None, None, n, "x") for n in range(300)])
        whole = source.file.read_bytes()
        source.file.write_bytes(whole[: len(whole) // 2])
        assert "没有传完" in failure(source.connector(), SourceUnavailable)

    def test_missing_folder_is_told(self, source):
        assert "没有文件夹" in failure(source.connector(path="${HUB_INBOX}/nowhere/*"), SourceUnavailable)
        last = list(open_driver(source.connector(path="${HUB_INBOX}/nowhere/*")).probe())[-1]
        assert (last.name, last.ok) == ("connect", False)

    def test_empty_folder_is_no_error(self, source):
        source.file.unlink()
        assert read(source.connector()) == []
        assert all(step.ok for step in open_driver(source.connector()).probe())
        assert open_driver(source.connector()).columns() == []

    def test_delivery_is_of_the_connectors_kind(self, source):
        assert read(source.connector("file_full"))[0][0].kind == "file_full"
