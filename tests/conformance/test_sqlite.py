"""SQLite files."""

import sqlite3
import subprocess
import sys

import pytest

from schemas.errors import SourceChanged, SourceUnavailable
from tests.conformance.suite import COLUMNS, HOSTILE_COLUMNS, ROWS, DatabaseConformance, Source, failure, rows_of


class SQLiteSource(Source):
    modes = ("full", "cursor")

    def __init__(self, path):
        self.path = path

    def options(self):
        return {"driver": "sqlite", "url": "${HUB_SOURCE_TEST}", "table": "ticket"}

    def quote(self, name):
        return '"' + name.replace('"', '""') + '"'

    def run(self, *statements, rows=()):
        connection = sqlite3.connect(self.path)
        for statement in statements:
            connection.execute(statement)
        if rows:
            connection.executemany("INSERT INTO ticket VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
        connection.close()

    def put_hostile(self, rows):
        columns = ", ".join('"' + name.replace('"', '""') + '" text' for name in HOSTILE_COLUMNS)
        self.run("DROP TABLE IF EXISTS hostile", f"CREATE TABLE hostile ({columns})")
        connection = sqlite3.connect(self.path)
        connection.executemany(f"INSERT INTO hostile VALUES ({', '.join('?' * len(HOSTILE_COLUMNS))})", rows)
        connection.commit()
        connection.close()
        return {"table": "hostile"}

    def put(self, rows, columns=COLUMNS):
        self.run("DELETE FROM ticket", rows=rows)

    def expected(self, row):
        """Numbers of NUMERIC columns lose their trailing zeros when SQLite stores them."""
        number = {"12.50": "12.5", "1234567890.10": "1234567890.1", "0.00": "0"}
        return tuple(
            number.get(value, value) if value is None or isinstance(value, str) else str(value) for value in row
        )


@pytest.fixture
def source(tmp_path, monkeypatch):
    made = SQLiteSource(tmp_path / "源 库.db")
    made.run(
        "CREATE TABLE ticket (编号 text PRIMARY KEY, 名称 text, 更新时间 datetime, 金额 decimal(14,2), 数量 integer, 备注 text)",
        rows=ROWS,
    )
    monkeypatch.setenv("HUB_SOURCE_TEST", str(made.path))
    return made


class TestSQLite(DatabaseConformance):
    """One table."""

    def test_values_of_every_kind_are_text(self, source):
        source.run(
            "CREATE TABLE odd (a, b, c)",
            "INSERT INTO odd VALUES (1, x'00ff', 1.5), ('甲', 'a' || char(0), 9151099900000008600)",
        )
        assert rows_of(source.connector(table="odd", fields={n: n for n in "abc"})) == [
            {"a": "1", "b": "00ff", "c": "1.5"},
            {"a": "甲", "b": "a\ufffd", "c": "9151099900000008600"},
        ]

    def test_gbk_bytes_in_a_text_column_are_refused(self, source):
        source.run("INSERT INTO ticket (编号, 名称) VALUES ('T9', CAST(x'cfd8' AS TEXT))")
        assert "UTF-8" in failure(source.connector(), SourceChanged)

    def test_empty_file_is_told(self, source):
        source.path.write_bytes(b"")
        assert "空" in failure(source.connector(), SourceChanged)

    def test_other_file_is_told(self, source):
        source.path.write_bytes(b"hello" * 100)
        assert "不是 SQLite" in failure(source.connector(), SourceChanged)

    def test_cut_off_file_is_told(self, source):
        source.put([(str(n), "名", None, None, n, "县" * 500) for n in range(200)])
        whole = source.path.read_bytes()
        source.path.write_bytes(whole[: len(whole) // 2])
        failure(source.connector(), SourceUnavailable)

    def test_missing_file_is_told(self, source):
        source.path.unlink()
        assert "找不到文件" in failure(source.connector(), SourceUnavailable)

    def test_locked_database_is_told(self, source):
        holder = subprocess.Popen(
            [sys.executable, "-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN EXCLUSIVE');"
             " print('held', flush=True); sys.stdin.read()", str(source.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert holder.stdout.readline()
            assert "锁" in failure(source.connector(timeout=0.5), SourceUnavailable)
        finally:
            holder.communicate()
