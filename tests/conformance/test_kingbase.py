"""KingbaseES's driver, on a PostgreSQL that calls itself KingbaseES: protocol and dialect, not the product."""

import psycopg
import pytest

from tests.conformance.suite import ROWS, SECRET, DatabaseConformance, as_text, read, rows_of
from tests.conformance.test_postgresql import PostgreSQLSource

VERSION = "KingbaseES V008R006C007B0024 on x86_64-pc-linux-gnu, compiled by gcc (GCC) 4.1.2 20080704, 64-bit"


class KingbaseSource(PostgreSQLSource):
    def options(self):
        return {**super().options(), "driver": "kingbase"}

    def expected(self, row):
        texts = [None if value is None else str(value) for value in row]
        return (*texts[:2], f"{texts[2]}.000000", *texts[3:])


@pytest.fixture(scope="module")
def server_url(postgres_server):
    url = postgres_server.create_database("source_kingbase")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET allow_system_table_mods = on")
        connection.execute(
            f"CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql STABLE AS $$ SELECT '{VERSION}'::text $$"
        )
    return url


@pytest.fixture
def source(server_url, postgres_server, monkeypatch):
    made = KingbaseSource(server_url)
    made.run(
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
        "CREATE TABLE ticket (编号 text PRIMARY KEY, 名称 text, 更新时间 timestamp, 金额 numeric(14,2), 数量 integer, 备注 text)",
        "DO $$ BEGIN CREATE ROLE duzhe LOGIN PASSWORD 'duzhe-mima'; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        "GRANT USAGE ON SCHEMA public TO duzhe",
        "GRANT SELECT ON ticket TO duzhe",
    )
    made.put(ROWS)
    address = f"kingbase://duzhe:{SECRET}@127.0.0.1:{postgres_server.port}/source_kingbase"
    monkeypatch.setenv("HUB_SOURCE_TEST", address)
    return made


class TestKingbase(DatabaseConformance):
    """One table."""

    def test_it_calls_itself_so(self, source):
        [row] = rows_of(source.connector(table=None, query="SELECT version() AS v", fields={"v": "v"}))
        assert row == {"v": VERSION}

    def test_types_of_two_meanings_come_as_text(self, source):
        source.run(
            "CREATE TABLE odd AS SELECT date '2026-03-01' d, timestamptz '2026-03-01 08:00+08' z, '\\x00ff'::bytea b,"
            " 1.50::numeric n, '{\"a\": 1.10}'::jsonb j, 'a'::char(3) c",
            "GRANT SELECT ON odd TO duzhe",
        )
        [row] = rows_of(source.connector(table="odd", fields={n: n for n in "dzbnjc"}))
        assert {name: as_text(value) for name, value in row.items()} == {
            "d": "2026-03-01 00:00:00.000000", "z": "2026-03-01 08:00:00.000000", "b": "00ff", "n": "1.50", "j": '{"a": 1.10}', "c": "a",
        }  # fmt: skip

    def test_date_as_cursor(self, source):
        source.run(
            "CREATE TABLE dated AS SELECT 编号, 更新时间::date AS 日期 FROM ticket", "GRANT SELECT ON dated TO duzhe"
        )
        changes = {"table": "dated", "mode": "cursor", "cursor": "日期", "fields": {"no": "编号"}}
        [(delivery, _)] = read(source.connector(**changes))
        assert delivery.position_after() == "2026-03-02 00:00:00.000000"
        assert [row["编号"] for row in rows_of(source.connector(**changes), delivery.position_after())] == ["T004"]
