"""PostgreSQL, on the session's own server."""

import os
import signal
import socket
import threading
import time
from contextlib import suppress

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from connectors.drivers import open_driver
from connectors.drivers.postgresql import PostgreSQLSession
from connectors.sample import take
from connectors.session import Table
from schemas.errors import ConfigError, SourceChanged, SourceUnavailable
from tests.conformance.suite import (
    COLUMNS,
    HOSTILE_COLUMNS,
    ROWS,
    SECRET,
    DatabaseConformance,
    Source,
    as_text,
    failure,
    read,
    rows_of,
)


class PostgreSQLSource(Source):
    modes = ("full", "cursor")

    def __init__(self, url):
        self.url = url

    def options(self):
        return {"driver": "postgresql", "url": "${HUB_SOURCE_TEST}", "table": "public.ticket"}

    def quote(self, name):
        return '"' + name.replace('"', '""') + '"'

    def run(self, *statements):
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def put_hostile(self, rows):
        columns = ", ".join('"' + name.replace('"', '""') + '" text' for name in HOSTILE_COLUMNS)
        self.run(
            "DROP TABLE IF EXISTS hostile", f"CREATE TABLE hostile ({columns})", "GRANT SELECT ON hostile TO duzhe"
        )
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO hostile VALUES ({', '.join(['%s'] * len(HOSTILE_COLUMNS))})", rows)
        return {"table": "hostile"}

    def put(self, rows, columns=COLUMNS):
        with psycopg.connect(self.url) as connection:
            connection.execute("TRUNCATE ticket")
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO ticket VALUES (%s, %s, %s, %s, %s, %s)", rows)


@pytest.fixture(scope="module")
def server_url(postgres_server):
    return postgres_server.create_database("source_postgresql")


@pytest.fixture
def source(server_url, postgres_server, monkeypatch):
    made = PostgreSQLSource(server_url)
    made.run(
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
        "CREATE TABLE ticket (编号 text PRIMARY KEY, 名称 text, 更新时间 timestamp, 金额 numeric(14,2), 数量 integer, 备注 text)",
        "DO $$ BEGIN CREATE ROLE duzhe LOGIN PASSWORD 'duzhe-mima'; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        "GRANT USAGE ON SCHEMA public TO duzhe",
        "GRANT SELECT ON ticket TO duzhe",
    )
    made.put(ROWS)
    monkeypatch.setenv(
        "HUB_SOURCE_TEST", f"postgresql://duzhe:{SECRET}@127.0.0.1:{postgres_server.port}/source_postgresql"
    )
    return made


class TestPostgreSQL(DatabaseConformance):
    """One table."""

    def test_types_that_arrow_does_not_carry_come_as_text(self, source):
        source.run(
            "CREATE TYPE 级别 AS ENUM ('急', '缓')",
            "CREATE DOMAIN 代码 AS varchar(18)",
            "CREATE TYPE 点 AS (x int, y int)",
            "CREATE TABLE odd AS SELECT '急'::级别 e, '9151'::代码 k, (1, 2)::点 p, gen_random_uuid() u, '{\"a\": 1.10}'::jsonb j, ARRAY['甲','乙'] a, '1 day'::interval i, '12:00'::time t,"
            " '\\x00ff'::bytea b, '10.1.1.1'::inet n, 1234.5::money m, 'NaN'::numeric x, 12345678901234567890.12345::numeric y,"
            " timestamptz '2026-03-01 08:00+08' z, true f, 'a'::char(3) c, 1.5::float8 d, 7::int2 s",
            "GRANT SELECT ON odd TO duzhe",
        )
        names = list("ekpujaitbnmxyzfcds")
        [row] = rows_of(source.connector(table="odd", fields={n: n for n in names}))
        found = {name: as_text(row[name]) for name in names}
        assert len(found.pop("u")) == 36
        assert found.pop("z") == "2026-03-01 00:00:00+00:00"
        assert found == {
            "j": '{"a": 1.10}', "a": "{甲,乙}", "i": "1 day", "t": "12:00:00", "b": "00ff", "n": "10.1.1.1/32", "x": "nan",
            "y": "12345678901234567890.12345", "f": "true", "c": "a", "m": "1234.50", "e": "急", "k": "9151", "p": "(1,2)", "d": "1.5", "s": "7",
        }  # fmt: skip

    def test_a_key_of_several_columns_is_told_in_its_order(self, source):
        source.run("CREATE TABLE odd (a int, b int, c int, PRIMARY KEY (c, a))", "GRANT SELECT ON odd TO duzhe")
        assert open_driver(source.connector(table="odd")).described()[1] == ["c", "a"]

    def test_short_floats_come_with_the_digits_they_show(self, source):
        source.run(
            "CREATE TABLE odd AS SELECT unnest(ARRAY[1.1, 12345.67, 1e20, 'NaN', NULL]::real[]) r",
            "GRANT SELECT ON odd TO duzhe",
        )
        assert [row["r"] for row in rows_of(source.connector(table="odd", fields={"r": "r"}))] == [
            "1.1", "12345.67", "1e+20", "nan", None,
        ]  # fmt: skip

    def test_a_day_that_no_calendar_has_is_shown_as_one(self, source):
        source.run(
            "CREATE TABLE odd AS SELECT d::date, d::timestamp AS t, d::timestamptz AS z FROM unnest(ARRAY['infinity', '2026-03-01', NULL]) d",
            "GRANT SELECT ON odd TO duzhe",
        )
        seen = take(source.connector(table="odd", fields={}))
        assert [list(row.values()) for row in seen.rows] == [
            ["（日历上没有）"] * 3, ["2026-03-01", "2026-03-01 00:00:00.000000", "2026-03-01 00:00:00.000000"], [None] * 3,
        ]  # fmt: skip

    @pytest.mark.parametrize("column", ["narrowed", "padded", "price"])
    def test_cursor_of_a_type_with_another_beneath_is_read_on(self, source, column):
        source.run(
            "CREATE DOMAIN 序号 AS integer CHECK (VALUE > 0)",
            "CREATE TABLE odd (id int, narrowed 序号, padded char(10), price money)",
            "GRANT SELECT ON odd TO duzhe",
            "INSERT INTO odd SELECT n, n, to_char(n, 'FM009'), n::numeric::money FROM generate_series(8, 9) n",
        )
        connector = source.connector("cursor", cursor=column, table="odd", fields={"id": "id", "c": column})
        [(delivery, _)] = read(connector)
        source.run("INSERT INTO odd SELECT n, n, to_char(n, 'FM009'), n::numeric::money FROM generate_series(10, 11) n")
        assert [row["id"] for row in rows_of(connector, delivery.position_after())] == [9, 10, 11]

    @pytest.mark.parametrize("encoding", ["EUC_CN", "SQL_ASCII"])
    def test_database_of_another_encoding(self, source, postgres_server, monkeypatch, encoding):
        """EUC_CN is converted by the server; where no encoding is known, GBK lies there as bytes."""
        source.run(
            "DROP DATABASE IF EXISTS other_encoding",
            f"CREATE DATABASE other_encoding ENCODING '{encoding}' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'",
        )
        url = postgres_server.url("other_encoding")
        column = "名称" if encoding == "EUC_CN" else "m"
        insert = f"INSERT INTO t VALUES (convert_from(%s, '{encoding}'))"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLE t ({column} text)")
            for text in (b"plain", "县光明路".encode("gbk"), None):
                connection.execute(insert, [text])
        monkeypatch.setenv("HUB_SOURCE_TEST", url)
        connector = source.connector(table="t", fields={"m": column})
        assert [row[column] for row in rows_of(connector)] == ["plain", "县光明路", None]
        if encoding == "SQL_ASCII":
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(insert, ["县城".encode()])
            assert encoding in failure(connector, SourceChanged)

    def test_session_is_read_only_named_and_limited(self, source):
        query = "SELECT current_setting('transaction_read_only') r, current_setting('application_name') n, current_setting('statement_timeout') t"
        [row] = rows_of(source.connector(table=None, query=query, timeout=30, fields={n: n for n in "rnt"}))
        assert row == {"r": "on", "n": "tongqu", "t": "30s"}

    def test_slow_query_is_cut_off(self, source):
        query = "SELECT 编号, pg_sleep(1)::text AS 名称 FROM ticket"
        told = failure(
            source.connector(table=None, query=query, timeout=0.2, fields={"n": "编号", "m": "名称"}), SourceUnavailable
        )
        assert "timeout" in told
        # In the middle of a COPY the server's code is lost.
        query = "SELECT n::text AS n, pg_sleep(0.005)::text AS m FROM generate_series(1, 9999) n"
        told = failure(
            source.connector(table=None, query=query, timeout=0.2, fields={"n": "n", "m": "m"}), SourceUnavailable
        )
        assert "读取超过 0.2 秒被中止" in told

    def test_an_interrupt_is_heard_while_the_source_is_slow(self, source):
        query = "SELECT n::text AS n, pg_sleep(9)::text AS m FROM generate_series(1, 9) n"
        made = source.connector(table=None, query=query, fields={"n": "n", "m": "m"})
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
        timer = threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        begun = time.monotonic()
        try:
            with pytest.raises(KeyboardInterrupt):
                rows_of(made)
        finally:
            signal.signal(signal.SIGINT, before)
        assert time.monotonic() - begun < 5

    def test_time_with_zone_as_cursor(self, source):
        source.run(
            "CREATE TABLE zoned AS SELECT 编号, 更新时间 AT TIME ZONE 'Asia/Shanghai' AS 时刻 FROM ticket",
            "GRANT SELECT ON zoned TO duzhe",
        )
        changes = {"table": "zoned", "mode": "cursor", "cursor": "时刻", "fields": {"no": "编号"}}
        [(delivery, _)] = read(source.connector(**changes))
        assert delivery.position_after() == "2026-03-01 16:00:00.000000+00:00"
        assert [row["编号"] for row in rows_of(source.connector(**changes), delivery.position_after())] == ["T004"]

    def test_skewed_clocks_lose_nothing_in_a_column_with_a_zone(self, source):
        """Three hours ahead is the future, not a moment of a clock eight hours away."""
        source.run(
            "CREATE TABLE zoned AS SELECT v AS 编号, now() + v::interval AS 时刻 FROM unnest(ARRAY['-9 minutes', '3 hours']) v",
            "GRANT SELECT ON zoned TO duzhe",
        )
        changes = {"table": "zoned", "mode": "cursor", "cursor": "时刻", "fields": {"no": "编号"}}
        [(first, rows)] = read(source.connector(**changes))
        assert (len(rows), [finding.code for finding in first.findings]) == (2, ["cursor_future"])
        source.run("INSERT INTO zoned SELECT '后写的', now()")
        [(_, rows)] = read(source.connector(**changes), first.position_after())
        assert "后写的" in {row["编号"] for row in rows}

    def test_many_batches_stream(self, source):
        query = "SELECT n AS 编号, repeat('县', 200) AS 名称 FROM generate_series(1, 120000) n"
        [delivery] = open_driver(
            source.connector(table=None, query=query, fields={"n": "编号", "m": "名称"})
        ).deliveries(None, ())
        sizes = [batch.num_rows for batch in delivery.batches()]
        assert sum(sizes) == 120000
        assert len(sizes) > 2

    def test_connection_lost_halfway_is_told(self, source):
        query = "SELECT n AS 编号, repeat('县', 300) || CASE WHEN n = 60000 THEN pg_terminate_backend(pg_backend_pid())::text ELSE '' END AS 名称 FROM generate_series(1, 90000) n"
        made = source.connector(table=None, query=query, fields={"n": "编号", "m": "名称"})
        assert "断开了连接" in failure(made, SourceUnavailable)

    def test_twenty_thousand_tables_do_not_hang_it(self, source):
        for part in range(20):  # one transaction would need more locks than a server has by default
            source.run(
                f"DO $$ BEGIN FOR n IN {part * 1000}..{part * 1000 + 999} LOOP EXECUTE format('CREATE TABLE t_%s ()', lpad(n::text, 5, '0')); END LOOP; END $$"
            )
        source.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO duzhe", "COMMENT ON TABLE t_19999 IS '末一张'")
        driver = open_driver(source.connector())
        begun = time.monotonic()
        assert len(driver.tables()) == 200
        assert driver.tables("T_1999?")[-1] == Table("public.t_19999", "末一张", None)
        told = failure(source.connector(table="tickte"), ConfigError)
        assert "'public.ticket'" in told or "'ticket'" in told
        assert time.monotonic() - begun < 3
        source.run(
            *(
                f"DO $$ BEGIN FOR n IN {p * 1000}..{p * 1000 + 999} LOOP EXECUTE format('DROP TABLE t_%s', lpad(n::text, 5, '0')); END LOOP; END $$"
                for p in range(20)
            )
        )

    def test_slow_probe_leaves_nothing_running(self, source, monkeypatch):
        monkeypatch.setattr("connectors.probe.STEP_SECONDS", 1.0)
        query = "SELECT 编号, pg_sleep(60)::text AS 名称 FROM ticket"
        made = source.connector(table=None, query=query, fields={"n": "编号", "m": "名称"})
        last = list(open_driver(made).probe())[-1]
        assert (last.name, last.ok) == ("read", False)
        deadline = time.monotonic() + 5
        with psycopg.connect(source.url, autocommit=True) as connection:
            while time.monotonic() < deadline:
                [(running,)] = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tongqu' AND state = 'active'"
                ).fetchall()
                if not running:
                    break
                time.sleep(0.1)
        assert running == 0

    def test_pieces_show_one_moment(self, source, monkeypatch):
        """Every row moves to another block between the agreement on the moment and the reading."""
        source.run(
            "CREATE TABLE big AS SELECT n AS 编号, repeat('县', 60) AS 名称, 1 AS 数量 FROM generate_series(1, 120000) n",
            "GRANT SELECT ON big TO duzhe",
        )
        agreed = PostgreSQLSession.share_snapshot
        shared = []

        def share(session, others, relation):
            agreed(session, others, relation)
            shared.append(len(others))
            source.run("UPDATE big SET 数量 = 数量 + 1")

        monkeypatch.setattr(PostgreSQLSession, "share_snapshot", share)
        made = source.connector(table="big", parallel=4, fields={"n": "编号", "q": "数量", "m": "名称"})
        for moment in (1, 2):
            [delivery] = open_driver(made).deliveries(None, ())
            whole = pa.Table.from_batches(delivery.batches())
            assert (whole.num_rows, len(pc.unique(whole["编号"]))) == (120_000, 120_000)
            assert pc.unique(whole["数量"]).to_pylist() == [moment]
        assert shared == [4, 4]

    def test_pieces_stop_together(self, source):
        source.run(
            "CREATE TABLE big AS SELECT n AS 编号, repeat('县', 60) AS 名称 FROM generate_series(1, 120000) n",
            "GRANT SELECT ON big TO duzhe",
        )
        wrong = source.connector(
            table="big", parallel=4, where="编号 < 119990 OR 1 / (编号 - 119995) = 5", fields={"n": "编号"}
        )
        failure(wrong, SourceUnavailable)
        made = source.connector(table="big", parallel=4, fields={"n": "编号", "m": "名称"})
        [delivery] = open_driver(made).deliveries(None, ())
        batches = delivery.batches()
        next(batches)
        batches.close()
        with psycopg.connect(source.url) as connection:
            [(sessions,)] = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tongqu' AND state <> 'idle'"
            ).fetchall()
        assert sessions == 0
        assert not [t for t in threading.enumerate() if t.name.startswith("read-")]

    def test_rights_to_some_columns_are_enough_for_those(self, source):
        source.run("REVOKE ALL ON ticket FROM duzhe", "GRANT SELECT (编号, 数量) ON ticket TO duzhe")
        given = source.connector(fields={"no": "编号", "count": "数量"})
        assert {(row["编号"], row["数量"]) for row in rows_of(given)} == {(row[0], row[4]) for row in ROWS}
        assert "public.ticket" in [table.name for table in open_driver(given).tables("ticket")]
        assert "备注" in failure(source.connector(fields={"no": "编号", "note": "备注"}), ConfigError)

    def test_no_permission_is_told(self, source):
        source.run("REVOKE SELECT ON ticket FROM duzhe")
        assert "权限" in failure(source.connector(), ConfigError)


def test_a_barred_user_and_a_port_of_something_else_are_told(source, monkeypatch):
    def told():
        last = list(open_driver(source.connector()).probe())[-1]
        assert (last.name, last.ok, bool(last.cure)) == ("login", False, True)
        return last.message

    source.run("ALTER ROLE duzhe NOLOGIN")
    try:
        assert "锁定或不准登录" in told()
        failure(source.connector(), ConfigError)
    finally:
        source.run("ALTER ROLE duzhe LOGIN")
    name = source.url.rpartition("/")[2]
    source.run(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    try:
        assert f"没有连接数据库 '{name}' 的权限" in told()
    finally:
        source.run(f"GRANT CONNECT ON DATABASE {name} TO PUBLIC")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://duzhe:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/x?connect_timeout=2"
        monkeypatch.setenv("HUB_SOURCE_TEST", address)
        assert "没有按 PostgreSQL 的方式应答" in told()
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer():
            while not done.is_set():
                with other.accept()[0] as peer, suppress(OSError):
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    peer.recv(1000)

        web = threading.Thread(target=answer)
        web.start()
        monkeypatch.setenv("HUB_SOURCE_TEST", f"postgresql://duzhe:{SECRET}@127.0.0.1:{other.getsockname()[1]}/x")
        assert "应答的却不是 PostgreSQL" in told()
        done.set()
        socket.create_connection(other.getsockname()).close()
        web.join()


@pytest.mark.parametrize(
    ("change", "kind", "word", "step"),
    [
        (lambda url: url.replace(SECRET, "cuode-mima"), ConfigError, "密码", "login"),
        (lambda url: url.replace("duzhe:", "meiyou:"), ConfigError, "密码", "login"),
        (lambda url: url + "xx", ConfigError, "没有数据库", "login"),
        (lambda url: url + "?sslmode=require", ConfigError, "不支持加密", "login"),
        (lambda url: url.replace("@127.0.0.1", "@no-such-host.invalid"), SourceUnavailable, "找不到主机", "resolve"),
        (lambda url: "postgresql://duzhe:duzhe-mima@127.0.0.1:9/x", SourceUnavailable, "拒绝连接", "connect"),
        (lambda url: "just words", ConfigError, "地址", "resolve"),
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
    assert last.cure
