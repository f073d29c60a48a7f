"""Dialects of databases that are not at hand: their SQL parses, their types map, their errors are told truly.

The client libraries are real, the servers are not; what a server would do with this SQL is not shown here.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlglot

from connectors import catalogue
from connectors.dbapi import DECIMAL, MOMENT, SINGLE, TEXT, WHOLE, DBAPIDatabase, DBAPISession
from connectors.drivers import driver_class
from connectors.drivers.base import SourceColumn
from connectors.drivers.dm import DMSession
from connectors.drivers.oracle import OracleSession
from connectors.drivers.sqlserver import SQLServerSession
from connectors.session import Table
from connectors.spec import Connector
from schemas.errors import ConfigError, SourceUnavailable

SECRET = "duzhe-mima"
PARSED_AS = {"oracle": "oracle", "dm": "oracle", "sqlserver": "tsql"}
SESSIONS = {"oracle": OracleSession, "dm": DMSession, "sqlserver": SQLServerSession}
ADDRESSES = {
    "oracle": "oracle://u:{}@127.0.0.1:9/orcl",
    "dm": "dm://u:{}@127.0.0.1:9",
    "sqlserver": "mssql://u:{}@127.0.0.1:9/zfw",
}
TYPES = {
    "oracle": {
        "number(10,0)": ("integer", '"C"'),
        "number(38,0)": ("integer", None),
        "number(0,0)": ("decimal", None),
        "number(14,2)": ("decimal", None),
        "number(0,-127)": ("decimal", None),
        "binary_double": ("text", '"C"'),
        "varchar": ("text", '"C"'),
        "clob": ("text", '"C"'),
        "nclob": ("text", '"C"'),
        "char": ("text", '"C"'),
        "date": ("timestamp", "TO_CHAR(\"C\", 'YYYY-MM-DD HH24:MI:SS')"),
        "timestamp": ("timestamp", "TO_CHAR(\"C\", 'YYYY-MM-DD HH24:MI:SS.FF6')"),
        "timestamp_ltz": ("timestamp", None),
        "timestamp_tz": ("timestamp", None),
        "raw": ("text", 'LOWER(RAWTOHEX("C"))'),
        "rowid": ("text", 'ROWIDTOCHAR("C")'),
        "interval_ds": ("text", 'TO_CHAR("C")'),
        "xmltype": ("text", None),
    },
    "dm": {
        "bigint": ("integer", '"C"'),
        "number": ("integer", '"C"'),
        "decimal": ("decimal", 'CAST("C" AS VARCHAR(80))'),
        "string": ("text", '"C"'),
        "clob": ("text", '"C"'),
        "date": ("date", "TO_CHAR(\"C\", 'YYYY-MM-DD')"),
        "timestamp": ("timestamp", "TO_CHAR(\"C\", 'YYYY-MM-DD HH24:MI:SS.FF6')"),
        "timestamp_with_timezone": (
            "timestamp",
            "TO_CHAR(CAST(\"C\" AS TIMESTAMP WITH LOCAL TIME ZONE), 'YYYY-MM-DD HH24:MI:SS.FF6')",
        ),
        "real": ("text", '"C"'),
        "time": ("text", 'CAST("C" AS VARCHAR(64))'),
        "binary": ("text", 'LOWER(RAWTOHEX("C"))'),
        "boolean": ("text", None),
    },
    "sqlserver": {
        "bigint": ("integer", "[c]"),
        "int": ("integer", "[c]"),
        "float": ("text", "[c]"),
        "nvarchar(60)": ("text", "[c]"),
        "decimal(38,10)": ("decimal", "CONVERT(varchar(60), [c])"),
        "money": ("decimal", "CONVERT(varchar(40), [c], 2)"),
        "date": ("date", "CONVERT(char(10), [c], 23)"),
        "datetime": ("timestamp", "CONVERT(char(23), [c], 121)"),
        "smalldatetime": ("timestamp", "CONVERT(char(19), [c], 120)"),
        "datetime2(7)": ("timestamp", "CONVERT(varchar(27), [c], 121)"),
        "datetimeoffset(7)": ("timestamp", None),
        "bit": ("text", "CASE [c] WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"),
        "timestamp": ("text", None),
        "varbinary(max)": ("text", None),
        "uniqueidentifier": ("text", "LOWER(CONVERT(char(36), [c]))"),
        "ntext": ("text", "CONVERT(nvarchar(max), [c])"),
        "geometry": ("text", "[c].STAsText()"),
    },
}


@pytest.fixture
def made(monkeypatch):
    def make(name, **options):
        monkeypatch.setenv("HUB_SOURCE_TEST", ADDRESSES[name].format(SECRET))
        connector = Connector(
            id="dept/ticket", dept="dept", title="测试", dataset="ticket",
            source={"driver": name, "url": "${HUB_SOURCE_TEST}", "table": "ticket", **options}, mode="full", cursor=None, lookback="0s",
            schedule=None, pool="dept", timezone="Asia/Shanghai", fields={"no": "C"}, constants={}, path=Path("dept/ticket.yaml"),
        )  # fmt: skip
        driver = driver_class(name)(connector)
        return driver, SESSIONS[name](driver, None)

    return make


def parsed(name, sql):
    return sqlglot.parse_one(sql, read=PARSED_AS[name])


@pytest.mark.parametrize(("name", "kind"), [(n, k) for n, kinds in TYPES.items() for k in kinds])
def test_every_type_has_its_kind_and_its_exact_text(made, name, kind):
    _, session = made(name)
    expected, text = TYPES[name][kind]
    column = SourceColumn("c", kind)
    assert session.kind(column) == expected
    if text is not None:
        assert session.item(column) == text
    if kind != "xmltype":  # the parser at hand does not know XMLSERIALIZE
        parsed(name, f"SELECT {session.item(column)} FROM {session.quote('t')}")


@pytest.mark.parametrize(("name", "kind"), [("oracle", "blob"), ("oracle", "long_raw"), ("dm", "blob")])
def test_large_binary_objects_are_no_fields(made, name, kind):
    with pytest.raises(ConfigError, match="大对象"):
        made(name)[1].item(SourceColumn("c", kind))


@pytest.mark.parametrize(
    ("name", "written", "quoted"),
    [
        ("oracle", "ticket", '"TICKET"'),
        ("oracle", "工单编号", '"工单编号"'),
        ("oracle", '"Ticket"', '"Ticket"'),
        ("oracle", 'a"b', '"a""b"'),
        ("dm", "ticket", '"TICKET"'),
        ("sqlserver", "ticket", "[ticket]"),
        ("sqlserver", "a]b", "[a]]b]"),
    ],
)
def test_names_are_quoted_as_the_database_stores_them(made, name, written, quoted):
    assert made(name)[1].quote(written) == quoted


@pytest.mark.parametrize("name", PARSED_AS)
def test_column_is_found_in_the_database_s_own_case(made, name):
    _, session = made(name)
    session.described = lambda relation: [
        (SourceColumn("Ticket_No", "varchar"), False),
        (SourceColumn("备注", "varchar"), True),
    ]
    session.columns("t")
    assert session.column("TICKET_NO") in ('"Ticket_No"', "[Ticket_No]")
    assert not session.may_be_null("t", SourceColumn("ticket_no", "varchar"))
    assert session.may_be_null("t", SourceColumn("备注", "varchar"))


@pytest.mark.parametrize(
    ("name", "text", "kind", "literal"),
    [
        ("oracle", "42", "integer", "42"),
        ("oracle", "12.50", "decimal", "12.50"),
        ("oracle", "2026-03-01 08:00:00", "timestamp", "TO_DATE('2026-03-01 08:00:00', 'YYYY-MM-DD HH24:MI:SS')"),
        ("oracle", "2026-03-01 08:00:00.123456", "timestamp", "TO_TIMESTAMP('2026-03-01 08:00:00.123456', 'YYYY-MM-DD HH24:MI:SS.FF6')"),
        ("oracle", "x' OR '1'='1", "text", "'x'' OR ''1''=''1'"),
        ("sqlserver", "2026-03-01", "date", "CONVERT(date, '2026-03-01', 23)"),
        ("sqlserver", "2026-03-01 08:00:00.997", "timestamp", "CONVERT(datetime, '2026-03-01 08:00:00.997', 121)"),
        ("sqlserver", "2026-03-01 08:00:00", "timestamp", "CONVERT(datetime2(0), '2026-03-01 08:00:00', 121)"),
        ("sqlserver", "2026-03-01 08:00:00.1234567", "timestamp", "CONVERT(datetime2(7), '2026-03-01 08:00:00.1234567', 121)"),
        ("sqlserver", "县'", "text", "N'县'''"),
        ("dm", "2026-03-01 08:00:00.000000", "timestamp", "TO_TIMESTAMP('2026-03-01 08:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.FF6')"),
    ],
)  # fmt: skip
def test_cursor_values_become_literals_that_can_be_nothing_else(made, name, text, kind, literal):
    _, session = made(name)
    assert session.literal(text, kind) == literal
    parsed(
        name,
        f"SELECT 1 FROM {session.quote('t')} WHERE {session.comparable(SourceColumn('c', 'varchar'))} >= {literal}",
    )


@pytest.mark.parametrize("name", PARSED_AS)
def test_what_is_no_value_becomes_no_literal(made, name):
    _, session = made(name)
    for text, kind in [
        ("1; DROP TABLE t", "integer"),
        ("yesterday", "timestamp"),
        ("2026-03-01 08:00:00'--", "timestamp"),
        ("a\0b", "text"),
    ]:
        with pytest.raises((ValueError, ArithmeticError)):
            session.literal(text, kind)


@pytest.mark.parametrize(
    ("name", "limited"),
    [
        ("oracle", "SELECT * FROM (SELECT a FROM t ORDER BY a) WHERE ROWNUM <= 5"),
        ("dm", "SELECT * FROM (SELECT a FROM t ORDER BY a) WHERE ROWNUM <= 5"),
        ("sqlserver", "SELECT TOP (5) a FROM t ORDER BY a"),
    ],
)
def test_few_rows_are_asked_for_in_the_dialect(made, name, limited):
    assert made(name)[1].limited("SELECT a FROM t ORDER BY a", 5) == limited
    parsed(name, limited)


@pytest.mark.parametrize("name", PARSED_AS)
def test_catalogue_is_filtered_in_the_database(made, name):
    _, session = made(name)
    sql = session.tables_sql("gd_*'", 20)
    parsed(name, sql)
    assert "gd!_%''" in sql
    assert "20" in sql


def test_query_is_a_sub_query_without_as_in_oracle(made):
    driver, session = made("oracle", table=None, query="SELECT 1 AS C FROM DUAL")
    assert driver.relation(session) == "(SELECT 1 AS C FROM DUAL) source_query"


ERRORS = [
    ("oracle", "ORA-01017: invalid username/password; logon denied", ConfigError, "用户名或密码"),
    ("oracle", "ORA-28001: the password has expired", ConfigError, "过期"),
    ("oracle", "DPY-6001: Service \"orcl\" is not registered with the listener", ConfigError, "'orcl'"),
    ("oracle", "ORA-00942: table or view does not exist", ConfigError, "'ticket'"),
    ("oracle", "ORA-28000: The account is locked.", ConfigError, "锁定"),
    ("oracle", "ORA-28001: the password has expired", ConfigError, "过期"),
    ("oracle", "ORA-01031: insufficient privileges", ConfigError, "权限"),
    ("oracle", 'ORA-00904: "X": invalid identifier', ConfigError, "SQL 有误"),
    ("oracle", "DPY-4024: call timeout of 600000 ms exceeded", SourceUnavailable, "600 秒"),
    ("oracle", "ORA-01555: snapshot too old", SourceUnavailable, "回滚"),
    ("oracle", "ORA-12516: TNS:listener could not find available handler", SourceUnavailable, "不接受新连接"),
    ("oracle", "DPY-3010: connections to this database server version are not supported", ConfigError, "source.client"),
    ("oracle", "ORA-00600: internal error", SourceUnavailable, "ORA-00600"),
    ("sqlserver", "18456 Login failed for user 'u'. DB-Lib error message 20018, severity 14", ConfigError, "用户名或密码"),
    ("sqlserver", "18486 Login failed for user 'u' because the account is currently locked out.", ConfigError, "锁定"),
    ("sqlserver", "18488 Login failed. The password of the account must be changed.", ConfigError, "过期"),
    ("sqlserver", '4060 Cannot open database "zfw" requested by the login.', ConfigError, "'zfw'"),
    ("sqlserver", "208 Invalid object name 'ticket'.", ConfigError, "'ticket'"),
    ("sqlserver", "229 The SELECT permission was denied on the object", ConfigError, "权限"),
    ("sqlserver", "207 Invalid column name 'x'.", ConfigError, "SQL 有误"),
    ("sqlserver", "1205 Transaction was deadlocked", SourceUnavailable, "锁"),
    ("sqlserver", "1222 Lock request time out period exceeded.", SourceUnavailable, "锁"),
    ("sqlserver", "20003 DB-Lib error message 20003, severity 6: Adaptive Server connection timed out", SourceUnavailable, "600 秒"),
    ("dm", "[CODE:-2501]用户名或密码错误", ConfigError, "用户名或密码"),
    ("dm", "用户已被锁定", ConfigError, "锁定"),
    ("dm", "用户口令过期", ConfigError, "过期"),
    ("dm", "[CODE:-2106]第1 行附近出现错误: 无效的表或视图名[TICKET]", ConfigError, "'ticket'"),
    ("dm", "[CODE:-2111]第1 行附近出现错误: 无效的列名[X]", ConfigError, "SQL 有误"),
    ("dm", "[CODE:-5504]没有[TICKET]对象的查询权限", ConfigError, "权限"),
    ("dm", "[CODE:-2007]第 1 行, 第 8 列[FROM]附近出现错误: 语法分析出错", ConfigError, "SQL 有误"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "kind", "word"), ERRORS)
def test_what_the_server_says_is_told_truly(made, name, text, kind, word):
    error = made(name)[0].failed(Exception(f"{text} {SECRET}"))
    assert type(error) is kind
    assert word in str(error)
    assert error.cure
    assert SECRET not in str(error)


@pytest.mark.parametrize("name", PARSED_AS)
def test_real_client_library_tells_a_dead_server(made, name):
    driver, _ = made(name)
    with pytest.raises(SourceUnavailable) as caught:
        driver.open()
    assert "拒绝连接" in str(caught.value)
    last = list(driver.probe())[-1]
    assert (last.name, last.ok) == ("connect", False)


@pytest.mark.parametrize(
    ("name", "url"), [("oracle", "oracle://u:p@127.0.0.1:9"), ("sqlserver", "mssql://u:p@127.0.0.1:9")]
)
def test_address_without_a_database_is_told(made, monkeypatch, name, url):
    driver, _ = made(name)
    monkeypatch.setenv("HUB_SOURCE_TEST", url)
    with pytest.raises(ConfigError, match="地址里没有"):
        driver.open()


def test_missing_client_library_is_told(made, monkeypatch):
    driver, _ = made("oracle")
    monkeypatch.setitem(__import__("sys").modules, "oracledb", None)
    with pytest.raises(ConfigError, match=r"tongqu\[oracle\]"):
        driver.open()


def test_oracle_types_are_those_of_the_library():
    import oracledb

    session = OracleSession.__new__(OracleSession)
    entry = ("N", oracledb.DB_TYPE_NUMBER, None, None, 38, 0, True)
    assert session._column(entry).type == "number(38,0)"
    names = {n.removeprefix("DB_TYPE_").lower() for n in dir(oracledb) if n.startswith("DB_TYPE_")}
    used = {kind for kind in TYPES["oracle"] if not kind.startswith("number")} - {"rowid"}
    assert used <= names
    assert session._column(("D", oracledb.DB_TYPE_TIMESTAMP_LTZ, None, None, None, 6, True)).type == "timestamp_ltz"


def test_dm_types_are_those_of_the_library():
    import dmPython

    session = DMSession.__new__(DMSession)
    assert session._column(("N", dmPython.DECIMAL, None, None, 38, 2, 1)).type == "decimal"
    assert (
        session._column(("T", dmPython.TIMESTAMP_WITH_TIMEZONE, None, None, None, None, 1)).type
        == "timestamp_with_timezone"
    )
    assert {kind for kind in TYPES["dm"] if not hasattr(dmPython, kind.upper())} == set()


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("oracle://h/x", "oracle"),
        ("mssql+pymssql://h/x", "sqlserver"),
        ("dm://h", "dm"),
        ("kingbase://h/x", "kingbase"),
    ],
)
def test_addresses_name_their_driver(url, driver):
    assert catalogue.driver_of(url, "x") == driver


class OnSQLite(DBAPISession):
    """The shared part, on the one DB-API library that needs no server."""

    def shape(self, column):
        return {"whole": WHOLE, "decimal": DECIMAL, "moment": MOMENT, "single": SINGLE}.get(column.type, TEXT)

    def text(self, column, name):
        return f"CAST({name} AS TEXT)"

    def quote(self, name):
        return f'"{name}"'

    def moment(self, moment, spelled):
        return f"'{spelled}'"

    def limited(self, sql, limit):
        return f"{sql} LIMIT {limit}"

    def described(self, relation):
        return [
            (SourceColumn(n, t), False)
            for n, t in (("Id", "whole"), ("Sum", "decimal"), ("At", "moment"), ("Note", "text"), ("Area", "single"))
        ]

    def clock(self, timezone):
        return "2026-03-01 00:00:00"

    def tables(self, like="", limit=200):
        return [Table("t")]


class SQLiteDatabase(DBAPIDatabase):
    def open(self, *, writable=False):
        raise TypeError

    def failure(self, text, session=None):
        return self.wrong_sql(text) if "no such column" in text else None


def test_rows_are_fetched_column_wise_and_bounded(made):
    connector = made("oracle")[0].connector
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (Id INTEGER, Sum TEXT, At TEXT, Note TEXT, Area REAL)")
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000)"
        " INSERT INTO t SELECT i, i || '.10', '2026-03-01 00:00:00', CASE i WHEN 7 THEN 'a' || char(0) || 'b' ELSE '县' END, 12345.669921875 FROM n"
    )
    with closing(OnSQLite(SQLiteDatabase(connector), connection)) as session:
        columns = session.columns("t")
        batches = list(session.select("t", columns, order=session.column("id")))
        assert [batch.num_rows for batch in batches] == [10_000, 10_000, 5_000]
        assert [str(field.type) for field in batches[0].schema] == ["int64", *["string"] * 4]
        assert batches[0].column("Sum")[6].as_py() == "7.10"
        assert batches[0].column("Area")[6].as_py() == "12345.67"  # a short float as Python has it
        assert batches[0].column("Note")[6].as_py() == "a\ufffdb"
        assert sum(b.num_rows for b in session.select("t", columns, limit=3)) == 3
        [nothing] = session.select("t", columns, conditions=["1 = 0"])
        assert (nothing.num_rows, nothing.schema) == (0, batches[0].schema)
        session.execute("UPDATE t SET Note = 'x' WHERE Id = 1")
        with pytest.raises(ConfigError, match="SQL 有误"):
            list(session.select("t", columns, conditions=["nowhere = 1"]))
