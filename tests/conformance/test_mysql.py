"""MariaDB, on a private server."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from connectors.drivers import mysql, open_driver
from schemas.errors import ConfigError, SourceUnavailable
from tests.conformance.suite import (
    COLUMNS,
    HOSTILE_COLUMNS,
    ROWS,
    SECRET,
    DatabaseConformance,
    Source,
    failure,
    read,
    rows_of,
)


class MySQLSource(Source):
    modes = ("full", "cursor")

    def __init__(self, server):
        self.server = server

    def options(self):
        return {"driver": "mysql", "url": "${HUB_SOURCE_TEST}", "table": "ticket"}

    def quote(self, name):
        return "`" + name.replace("`", "``") + "`"

    def run(self, *statements, rows=None):
        connection = self.server.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS source_mysql CHARACTER SET utf8mb4")
            cursor.execute("USE source_mysql")
            cursor.execute("SET sql_mode = ''")  # as many old servers run: zero dates are let in
            for statement in statements:
                cursor.execute(statement)
            if rows is not None:
                cursor.execute("DELETE FROM ticket")
                cursor.executemany("INSERT INTO ticket VALUES (%s, %s, %s, %s, %s, %s)", rows)
            connection.commit()

    # An identifier of MySQL's holds no character beyond the basic plane.
    hostile = tuple(name.replace("😀", "☺").replace("𠮷", "吉") for name in HOSTILE_COLUMNS)

    def put_hostile(self, rows):
        columns = ", ".join("`" + name.replace("`", "``") + "` text" for name in self.hostile)
        self.run("DROP TABLE IF EXISTS hostile", f"CREATE TABLE hostile ({columns})")
        connection = self.server.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute("USE source_mysql")
            cursor.executemany(f"INSERT INTO hostile VALUES ({', '.join(['%s'] * len(HOSTILE_COLUMNS))})", rows)
            connection.commit()
        return {"table": "hostile"}

    def put(self, rows, columns=COLUMNS):
        self.run(rows=rows)


@pytest.fixture
def source(mariadb_server, monkeypatch):
    made = MySQLSource(mariadb_server)
    made.run(
        'DROP TABLE IF EXISTS ticket, odd, big, `"x".y`',
        "CREATE TABLE ticket (编号 varchar(32) COLLATE utf8mb4_bin PRIMARY KEY, 名称 varchar(60), 更新时间 datetime,"
        " 金额 decimal(14,2), 数量 int, 备注 text)",
        f"CREATE USER IF NOT EXISTS duzhe@'127.0.0.1' IDENTIFIED BY '{SECRET}'",
        "GRANT SELECT ON source_mysql.* TO duzhe@'127.0.0.1'",
        rows=ROWS,
    )
    monkeypatch.setenv("HUB_SOURCE_TEST", f"mysql://duzhe:{SECRET}@127.0.0.1:{mariadb_server.port}/source_mysql")
    return made


BIG = (
    "CREATE TABLE big (编号 int PRIMARY KEY) ENGINE=InnoDB"
    " AS SELECT seq AS 编号, REPEAT('县', 60) AS 名称, 1 AS 数量 FROM seq_1_to_120000"
)


def slow(source):
    """A connector whose statement takes a minute, and writes nothing meanwhile."""
    query = "SELECT 编号, SLEEP(20) AS 名称 FROM ticket"
    return source.connector(table=None, query=query, fields={"n": "编号", "m": "名称"})


def killed(source, script, within):
    """A hub that runs the script is killed while its statement sleeps; the statement has to end within so many seconds."""
    hub = subprocess.Popen([sys.executable, "-c", script])
    waits(lambda: sleeping(source) > 0, 60)
    hub.kill()
    hub.wait()
    waits(lambda: sleeping(source) == 0, within)


def sleeping(source):
    """How many statements sleep in the server on the reader's behalf."""
    connection = source.server.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'duzhe' AND info LIKE '%SLEEP%'"
        )
        return cursor.fetchone()[0]


def waits(test, seconds):
    until = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < until
        time.sleep(0.1)


class TestMySQL(DatabaseConformance):
    """One table."""

    def test_zero_and_broken_dates_stay_visible(self, source):
        source.put(
            [("T1", "零", "0000-00-00 00:00:00", None, 1, None), ("T2", "缺日", "2026-03-00 08:00:00", None, 2, None)]
        )
        assert [row["更新时间"] for row in rows_of(source.connector())] == [
            "0000-00-00 00:00:00",
            "2026-03-00 08:00:00",
        ]

    def test_a_key_of_several_columns_is_told_in_its_order(self, source):
        source.run("CREATE TABLE odd (a int, b int, c int, PRIMARY KEY (c, a))")
        assert open_driver(source.connector(table="odd")).described()[1] == ["c", "a"]

    def test_short_floats_come_with_the_digits_they_hold(self, source):
        """The server shows six of them."""
        source.run(
            "CREATE TABLE odd (f float, g float(10, 2))",
            "INSERT INTO odd VALUES (1234567.5, 12345.67), (1.1, -0.5), (NULL, NULL)",
        )
        rows = rows_of(source.connector(table="odd", fields={"f": "f", "g": "g"}))
        assert [(row["f"], row["g"]) for row in rows] == [("1234567.5", "12345.67"), ("1.1", "-0.50"), (None, None)]

    @pytest.mark.parametrize("codec", ["gbk", "utf-8"])
    def test_chinese_bytes_in_a_latin1_table_are_read_as_they_were_meant(self, source, codec):
        names = ["县光明商行", "Müller", "张三面馆", None]
        values = ", ".join(
            f"({n}, {'NULL' if name is None else '0x' + name.encode('latin-1' if name == 'Müller' else codec).hex()})"
            for n, name in enumerate(names)
        )
        source.run("CREATE TABLE odd (n int, m varchar(40)) CHARACTER SET latin1", f"INSERT INTO odd VALUES {values}")
        [(delivery, rows)] = read(source.connector(table="odd", fields={"n": "n", "m": "m"}))
        assert [row["m"] for row in rows] == names
        assert [f.code for f in delivery.findings] == ["read_back"]

    def test_many_tables_do_not_hang_it(self, source):
        source.run("DROP DATABASE IF EXISTS source_many", "CREATE DATABASE source_many", "USE source_many")
        source.run(
            "SET GLOBAL sync_frm = 0",
            "USE source_many",
            *(f"CREATE TABLE t_{n:05} (a int) ENGINE=MEMORY COMMENT '第{n}张'" for n in range(1200)),
        )
        source.run("GRANT SELECT ON source_many.* TO duzhe@'127.0.0.1'")
        os.environ["HUB_SOURCE_TEST"] = os.environ["HUB_SOURCE_TEST"].replace("source_mysql", "source_many")
        driver = open_driver(source.connector())
        begun = time.monotonic()
        assert len(driver.tables()) == 200
        assert [(t.name, t.comment) for t in driver.tables("T_0119?")][-1] == ("t_01199", "第1199张")
        assert "t_00007" in failure(source.connector(table="t_0000007"), ConfigError)
        assert time.monotonic() - begun < 5
        source.run("DROP DATABASE source_many")

    @pytest.mark.parametrize("big", [False, True])
    def test_an_interrupt_leaves_nothing_running(self, source, big):
        """Ctrl-C in the terminal of `hub run`: the statement is gone from the department's server."""
        made = slow(source)
        driver = open_driver(made)
        if not big:
            driver.limit = 1
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
        timer = threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        begun = time.monotonic()
        try:
            [delivery] = driver.deliveries(None, ())
            with pytest.raises(KeyboardInterrupt):
                list(delivery.batches())
        finally:
            signal.signal(signal.SIGINT, before)
        assert time.monotonic() - begun < 15
        assert sleeping(source) == 0

    def test_a_killed_hub_leaves_nothing_running(self, source):
        """SIGKILL lets the hub do nothing more: the watcher of the reading process ends the statement."""
        script = (
            "from connectors.drivers import open_driver\n"
            "from tests.conformance.test_mysql import MySQLSource, slow\n"
            "[delivery] = open_driver(slow(MySQLSource(None))).deliveries(None, ())\n"
            "list(delivery.batches())\n"
        )
        killed(source, script, 15)

    def test_a_killed_hub_leaves_a_short_question_for_a_short_while(self, source):
        """Nobody watches what pymysql asks: the server itself ends it, long before the connector's own limit."""
        script = (
            "from connectors.drivers import mysql, open_driver\n"
            "from tests.conformance.test_mysql import MySQLSource, slow\n"
            "mysql._UNWATCHED = 5\n"
            "driver = open_driver(slow(MySQLSource(None)))\n"
            "driver.limit = 1\n"
            "[delivery] = driver.deliveries(None, ())\n"
            "list(delivery.batches())\n"
        )
        killed(source, script, 10)

    def test_a_short_question_that_takes_long_is_asked_anew_where_it_is_watched(self, source, monkeypatch):
        monkeypatch.setattr(mysql, "_UNWATCHED", 1)
        query = "SELECT 编号, SLEEP(2) AS 名称 FROM ticket"
        driver = open_driver(source.connector(table=None, query=query, fields={"n": "编号", "m": "名称"}))
        driver.limit = 1
        [delivery] = driver.deliveries(None, ())
        assert [row["名称"] for batch in delivery.batches() for row in batch.to_pylist()] == [0]

    def test_pieces_of_uneven_keys_hold_about_the_same(self, source):
        source.run(
            BIG,
            "ALTER TABLE big MODIFY 编号 bigint",
            "UPDATE big SET 编号 = 编号 * 7 + 9000000000000 WHERE 编号 > 90000",
            "GRANT SELECT, LOCK TABLES ON source_mysql.* TO duzhe@'127.0.0.1'",
            "ANALYZE TABLE big",
        )
        try:
            with open_driver(source.connector(table="big")).session() as session:
                pieces = session.pieces("big", "`big`", 4)
                counts = [session.rows(f"SELECT COUNT(*) FROM big WHERE {piece}")[0][0] for piece in pieces]
        finally:
            source.run("REVOKE LOCK TABLES ON source_mysql.* FROM duzhe@'127.0.0.1'")
        assert (len(counts), sum(counts)) == (4, 120_000)
        assert max(counts) < 45_000

    def test_pieces_begin_at_one_moment(self, source, monkeypatch):
        """Somebody moves an amount from row to row all the while; their sum is the same at any one moment."""
        source.run(BIG, "GRANT SELECT, LOCK TABLES ON source_mysql.* TO duzhe@'127.0.0.1'", "ANALYZE TABLE big")
        stop = threading.Event()

        def move():
            connection = source.server.connect()
            with connection, connection.cursor() as cursor:
                cursor.execute("USE source_mysql")
                while not stop.is_set():
                    cursor.execute("UPDATE big SET 数量 = 数量 + IF(编号 < 60000, 1, -1) WHERE 编号 IN (7, 119993)")
                    connection.commit()

        mover = threading.Thread(target=move)
        mover.start()
        made = source.connector(table="big", parallel=3, fields={"n": "编号", "q": "数量", "m": "名称"})
        try:
            for _ in range(3):
                [delivery] = open_driver(made).deliveries(None, ())
                whole = pa.Table.from_batches(delivery.batches())
                assert (whole.num_rows, len(pc.unique(whole["编号"]))) == (120_000, 120_000)
                assert pc.sum(whole["数量"]).as_py() == 120_000
                assert delivery.findings == []
        finally:
            stop.set()
            mover.join()
            source.run("REVOKE LOCK TABLES ON source_mysql.* FROM duzhe@'127.0.0.1'")

    def test_without_the_right_to_lock_a_table_is_read_whole_and_that_is_told(self, source):
        source.run(BIG, "ANALYZE TABLE big")
        made = source.connector(table="big", parallel=3, fields={"n": "编号", "m": "名称"})
        [delivery] = open_driver(made).deliveries(None, ())
        assert sum(batch.num_rows for batch in delivery.batches()) == 120_000
        assert [finding.code for finding in delivery.findings] == ["read_whole"]
        assert "LOCK TABLES" in delivery.findings[0].message

    def test_pieces_stop_together(self, source):
        source.run(BIG, "GRANT SELECT, LOCK TABLES ON source_mysql.* TO duzhe@'127.0.0.1'", "ANALYZE TABLE big")
        made = source.connector(
            table="big", parallel=3, where="编号 <> 119995 OR SLEEP(60) = 0", timeout=10, fields={"n": "编号"}
        )
        try:
            assert "读取超过 10 秒" in failure(made, SourceUnavailable)
            assert sleeping(source) == 0
        finally:
            source.run("REVOKE LOCK TABLES ON source_mysql.* FROM duzhe@'127.0.0.1'")

    @pytest.mark.parametrize("big", [False, True])
    def test_cancelled_read_leaves_nothing_running(self, source, big):
        query = "SELECT 编号, SLEEP(20) AS 名称 FROM ticket"
        driver = open_driver(source.connector(table=None, query=query, fields={"n": "编号", "m": "名称"}))
        if not big:
            driver.limit = 1
        told = []

        def act():
            try:
                [delivery] = driver.deliveries(None, ())
                list(delivery.batches())
            except SourceUnavailable as error:
                told.append(str(error))

        reader = threading.Thread(target=act)
        reader.start()
        time.sleep(2)
        driver.cancel()
        reader.join(8)
        assert not reader.is_alive()
        time.sleep(0.5)
        connection = source.server.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT info FROM information_schema.processlist WHERE user = 'duzhe' AND info LIKE '%SLEEP%'"
            )
            assert cursor.fetchall() == ()

    def test_read_shows_one_moment(self, source):
        """One statement is one snapshot of InnoDB's: all rows change while they are read."""
        source.run(
            "CREATE TABLE big (编号 int PRIMARY KEY, 数量 int, 名称 varchar(200))",
            "INSERT INTO big SELECT seq, 1, REPEAT('县', 60) FROM seq_1_to_60000",
        )
        stop, changes = threading.Event(), []

        def churn():
            connection = source.server.connect()
            with connection, connection.cursor() as cursor:
                cursor.execute("USE source_mysql")
                while not stop.is_set():
                    changes.append(cursor.execute("UPDATE big SET 数量 = 数量 + 1"))
                    connection.commit()

        writer = threading.Thread(target=churn)
        writer.start()
        try:
            for _ in range(2):
                rows = rows_of(source.connector(table="big", fields={"n": "编号", "q": "数量", "m": "名称"}))
                assert (len(rows), len({row["编号"] for row in rows}), len({row["数量"] for row in rows})) == (
                    60_000,
                    60_000,
                    1,
                )
        finally:
            stop.set()
            writer.join()
        assert changes
        source.run("DROP TABLE big")

    def test_every_type_arrives(self, source):
        source.run(
            "CREATE TABLE odd (a tinyint(1), b bigint unsigned, c float, d double, e bit(3), f year, g enum('甲','乙'), h set('p','q'), i json,"
            " j blob, k time(3), l date, m timestamp(6) NULL, n decimal(65,30), o varbinary(4), p varchar(20) CHARACTER SET gbk, q longtext)",
            "INSERT INTO odd VALUES (1, 18446744073709551615, 1.1, 2.25, b'101', 2026, '甲', 'p,q', '{\"a\":1.10}', 'ab', '12:00:01.5',"
            " '0000-00-00', '2026-03-01 08:00:00.123456', 12345678901234567890.123, 'z', '县', '长😀')",
        )
        names = list("abcdefghijklmnopq")
        [row] = rows_of(source.connector(table="odd", fields={n: n for n in names}))
        assert {name: str(value) for name, value in row.items()} == {
            "a": "1", "b": "18446744073709551615", "c": "1.1", "d": "2.25", "e": "5", "f": "2026", "g": "甲", "h": "p,q",
            "i": '{"a":1.10}', "j": "6162", "k": "12:00:01.500", "l": "0000-00-00", "m": "2026-03-01 08:00:00.123456",
            "n": "12345678901234567890.123000000000000000000000000000", "o": "7a", "p": "县", "q": "长😀",
        }  # fmt: skip

    def test_time_stamps_are_told_in_the_connectors_zone(self, source):
        source.run(
            "CREATE TABLE odd (t timestamp NULL)",
            "SET time_zone = '+00:00'",
            "INSERT INTO odd VALUES ('2026-03-01 00:00:00')",
        )
        assert rows_of(source.connector(table="odd", fields={"t": "t"})) == [{"t": "2026-03-01 08:00:00"}]
        assert rows_of(source.connector(table="odd", fields={"t": "t"}, zone="UTC")) == [{"t": "2026-03-01 00:00:00"}]

    def test_nul_character_is_made_visible(self, source):
        source.put([("T1", "a\0b", None, None, 1, None)])
        assert rows_of(source.connector())[0]["名称"] == "a\ufffdb"

    def test_column_case_does_not_matter_to_the_server(self, source):
        source.run("CREATE TABLE odd (TicketNo int)", "INSERT INTO odd VALUES (7)")
        assert rows_of(source.connector(table="odd", fields={"n": "ticketno"})) == [{"ticketno": 7}]
        [(delivery, _)] = read(source.connector(table="odd", fields={"n": "ticketno"}))
        assert delivery.layout == {"ticketno": "int"}  # else it would be told as gone, and another as added

    def test_session_is_read_only_and_limited(self, source):
        query = "SELECT @@session.tx_read_only AS r, @@session.max_statement_time AS t"
        [row] = rows_of(source.connector(table=None, query=query, timeout=30, fields={"r": "r", "t": "t"}))
        assert row == {"r": 1, "t": 30.0}

    def test_slow_query_is_cut_off(self, source):
        query = "SELECT SLEEP(30) AS 编号 FROM ticket"
        told = failure(source.connector(table=None, query=query, timeout=1, fields={"n": "编号"}), SourceUnavailable)
        assert "timeout" in told

    def test_locked_table_is_told(self, source):
        with source.server.connect() as connection:
            cursor = connection.cursor()
            cursor.execute("LOCK TABLES source_mysql.ticket WRITE")
            failure(source.connector(timeout=1), SourceUnavailable)

    def test_rights_to_some_columns_are_enough_for_those(self, source):
        source.run(
            "DROP USER IF EXISTS lie@'127.0.0.1'", f"CREATE USER lie@'127.0.0.1' IDENTIFIED BY '{SECRET}'", "GRANT SELECT (编号, 数量) ON ticket TO lie@'127.0.0.1'",
        )  # fmt: skip
        os.environ["HUB_SOURCE_TEST"] = os.environ["HUB_SOURCE_TEST"].replace("duzhe:", "lie:")
        given = source.connector(fields={"no": "编号", "count": "数量"})
        assert {(row["编号"], row["数量"]) for row in rows_of(given)} == {(row[0], row[4]) for row in ROWS}
        assert "备注" in failure(source.connector(fields={"no": "编号", "note": "备注"}), ConfigError)

    def test_broken_view_is_told(self, source):
        source.run("CREATE TABLE odd (n int)", "CREATE OR REPLACE VIEW broken AS SELECT n FROM odd", "DROP TABLE odd")
        assert "视图 broken" in failure(source.connector(table="broken", fields={"n": "n"}), ConfigError)

    def test_no_permission_is_told(self, source):
        source.run(
            "REVOKE SELECT ON source_mysql.* FROM duzhe@'127.0.0.1'",
            "GRANT INSERT ON source_mysql.ticket TO duzhe@'127.0.0.1'",
        )
        assert "权限" in failure(source.connector(), ConfigError)

    def test_child_process_and_client_library_tell_the_same(self, source, monkeypatch):
        few = read(source.connector())
        monkeypatch.setattr(mysql, "_FEW", 0)
        [(_, rows)] = read(source.connector())
        assert rows == few[0][1]
        [batch] = next(iter(open_driver(source.connector()).deliveries(None, ()))).batches()
        assert batch.schema.field("数量").type == pa.int64()

    @pytest.mark.parametrize("big", [False, True])
    def test_connection_lost_halfway_is_told(self, source, big):
        """By a restart, or by who administers the server: nothing of it is handed on."""
        driver = open_driver(slow(source))
        if not big:
            driver.limit = 1

        def end():
            connection = source.server.connect()
            with connection, connection.cursor() as cursor:
                while not cursor.execute(
                    "SELECT id FROM information_schema.processlist WHERE user = 'duzhe' AND info LIKE '%SLEEP(20)%'"
                ):
                    time.sleep(0.1)
                cursor.execute(f"KILL {cursor.fetchone()[0]}")

        ending = threading.Thread(target=end)
        ending.start()
        [delivery] = driver.deliveries(None, ())
        with pytest.raises(SourceUnavailable, match="断开了连接"):
            list(delivery.batches())
        ending.join()

    def test_full_disk_is_told(self, source, monkeypatch):
        monkeypatch.setattr(mysql, "_FEW", 0)
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Path("/dev/full").open("w+b", buffering=0))  # noqa: SIM115
        assert "磁盘已满" in failure(source.connector(), SourceUnavailable)

    def test_many_batches_come_whole(self, source):
        query = "SELECT seq AS 编号, REPEAT('县', 100) AS 名称 FROM mysql.help_topic JOIN seq_1_to_60000 LIMIT 60000"
        source.run("GRANT SELECT ON mysql.* TO duzhe@'127.0.0.1'")
        [(_, rows)] = read(source.connector(table=None, query=query, fields={"n": "编号", "m": "名称"}))
        assert len(rows) == 60000


def test_a_barred_user_and_a_port_of_something_else_are_told(source, monkeypatch):
    def told():
        last = list(open_driver(source.connector()).probe())[-1]
        assert (last.name, last.ok, bool(last.cure)) == ("login", False, True)
        return last.message

    source.run("ALTER USER duzhe@'127.0.0.1' ACCOUNT LOCK")
    try:
        assert "锁定或不准登录" in told()
    finally:
        source.run("ALTER USER duzhe@'127.0.0.1' ACCOUNT UNLOCK")
    source.run("ALTER USER duzhe@'127.0.0.1' PASSWORD EXPIRE")
    try:
        assert "密码已过期" in told()
    finally:
        source.run(
            "ALTER USER duzhe@'127.0.0.1' PASSWORD EXPIRE NEVER",
            f"ALTER USER duzhe@'127.0.0.1' IDENTIFIED BY '{SECRET}'",
        )
    monkeypatch.setattr(mysql, "CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HUB_SOURCE_TEST", f"mysql://duzhe:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/x")
        assert "没有按 MySQL 的方式应答" in told()


@pytest.mark.parametrize(
    ("change", "kind", "word", "step"),
    [
        (lambda url: url.replace(SECRET, "cuode-mima"), ConfigError, "密码", "login"),
        (lambda url: url.rpartition("/")[0] + "/nosuch", ConfigError, "nosuch", "login"),
        (lambda url: url.rpartition("/")[0], ConfigError, "库名", "login"),
        (lambda url: url.replace("@127.0.0.1", "@no-such-host.invalid"), SourceUnavailable, "找不到主机", "resolve"),
        (lambda url: "mysql://duzhe:duzhe-mima@127.0.0.1:9/x", SourceUnavailable, "拒绝连接", "connect"),
    ],
)
def test_each_way_to_fail_is_told_truly(source, monkeypatch, change, kind, word, step):
    monkeypatch.setenv("HUB_SOURCE_TEST", change(os.environ["HUB_SOURCE_TEST"]))
    told = failure(source.connector(), kind)
    assert word in told
    assert "cuode-mima" not in told
    last = list(open_driver(source.connector()).probe())[-1]
    assert (last.name, last.ok) == (step, False)
    assert word in last.message
