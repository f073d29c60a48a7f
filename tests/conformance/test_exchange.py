"""Exchange tables, in PostgreSQL and in MariaDB."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest

from connectors.drivers import open_driver
from schemas.errors import ConfigError, SourceChanged
from tests.conformance.suite import SECRET, Source, failure, read

LONG_AGO = "2026-01-01 00:00:00"
FIELDS = {"unit_no": "单元号", "owner": "权利人"}


class ExchangeSource(Source):
    modes = ("exchange",)

    def options(self):
        return {"driver": "exchange", "url": "${HUB_SOURCE_TEST}", "table": "swap"}

    def connector(self, *args, **options):
        return super().connector(fields=FIELDS, **options)

    def add(self, *records):
        """Records as (number, operation, unit, owner[, time])."""
        rows = [
            (n, op, record[4] if (record := (n, op, *rest))[4:] else LONG_AGO, *record[2:4]) for n, op, *rest in records
        ]
        self.run("INSERT INTO swap VALUES (%s, %s, %s, 'B1', %s, %s, 0)", rows)


class InPostgreSQL(ExchangeSource):
    def __init__(self, url):
        self.url = url

    def run(self, statement, rows=((),)):
        with psycopg.connect(self.url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def open(self):
        return psycopg.connect(self.url)

    def flags(self):
        with psycopg.connect(self.url) as connection:
            return [n for (n,) in connection.execute("SELECT cd_id FROM swap WHERE cd_flag = 1 ORDER BY 1")]

    def forbid(self):
        self.run("REVOKE UPDATE ON swap FROM qianzhi")


class InMariaDB(ExchangeSource):
    def __init__(self, server):
        self.server = server

    def run(self, statement, rows=((),)):
        connection = self.server.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS source_exchange CHARACTER SET utf8mb4")
            cursor.execute("USE source_exchange")
            for row in rows:
                cursor.execute(statement, row)
            connection.commit()
            return list(cursor.fetchall())

    def open(self):
        connection = self.server.connect()
        connection.select_db("source_exchange")
        return connection

    def flags(self):
        return [n for (n,) in self.run("SELECT cd_id FROM swap WHERE cd_flag = 1 ORDER BY 1")]

    def forbid(self):
        self.run("REVOKE UPDATE ON source_exchange.swap FROM qianzhi@'127.0.0.1'")


TABLE = "CREATE TABLE swap (cd_id bigint PRIMARY KEY, cd_operation char(1), cd_time timestamp NULL, cd_batch varchar(20), 单元号 varchar(40), 权利人 varchar(40), cd_flag int)"


@pytest.fixture(params=["postgresql", "mariadb"])
def source(request, monkeypatch):
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        made = InPostgreSQL(server.create_database("source_exchange"))
        address = f"postgresql://qianzhi:{SECRET}@127.0.0.1:{server.port}/source_exchange"
        user, grantee = (
            f"DO $$ BEGIN CREATE ROLE qianzhi LOGIN PASSWORD '{SECRET}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            "qianzhi",
        )
    else:
        server = request.getfixturevalue("mariadb_server")
        made = InMariaDB(server)
        address = f"mysql://qianzhi:{SECRET}@127.0.0.1:{server.port}/source_exchange"
        user, grantee = f"CREATE USER IF NOT EXISTS qianzhi@'127.0.0.1' IDENTIFIED BY '{SECRET}'", "qianzhi@'127.0.0.1'"
    for statement in ("DROP TABLE IF EXISTS swap", TABLE, user, f"GRANT SELECT, UPDATE ON swap TO {grantee}"):
        made.run(statement)
    monkeypatch.setenv("HUB_SOURCE_TEST", address)
    return made


def shape(rows):
    return [(row["_seq"], row["_op"], row["单元号"], row["权利人"]) for row in rows]


def recent(seconds):
    """A time so long ago by the county's clock, which is the sources' clock too."""
    return (datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


class TestExchange:
    def test_records_come_in_order_with_their_operation(self, source):
        source.add((3, "D", "U1", None), (1, "I", "U1", "王𠮷"), (2, "u", "U1", "㼆某😀"))
        [(delivery, rows)] = read(source.connector())
        assert shape(rows) == [(1, "I", "U1", "王𠮷"), (2, "U", "U1", "㼆某😀"), (3, "D", "U1", None)]
        assert (delivery.kind, delivery.position_after()) == ("exchange", "3")
        assert rows[0]["cd_batch"] == "B1"

    def test_second_run_finds_nothing_and_keeps_the_position(self, source):
        source.add((1, "I", "U1", "甲"))
        [(delivery, rows)] = read(source.connector(), "1")
        assert (rows, delivery.position_after()) == ([], "1")

    def test_new_records_follow_the_position(self, source):
        source.add((1, "I", "U1", "甲"), (2, "I", "U2", "乙"))
        [(delivery, rows)] = read(source.connector(), "1")
        assert shape(rows) == [(2, "I", "U2", "乙")]
        assert delivery.position_after() == "2"

    def test_young_gap_is_waited_for(self, source):
        source.add((1, "I", "U1", "甲"), (2, "I", "U2", "乙"), (5, "I", "U5", "戊", recent(20)))
        [(delivery, rows)] = read(source.connector())
        assert [row["_seq"] for row in rows] == [1, 2, 5]
        assert delivery.position_after() == "2 >5-5"
        assert [finding.code for finding in delivery.findings] == ["sequence_gap"]
        [(delivery, _)] = read(source.connector(), "2 >5-5")
        assert delivery.position_after() == "2 >5-5"
        source.add((3, "I", "U3", "丙", recent(15)), (4, "I", "U4", "丁", recent(15)))
        [(delivery, rows)] = read(source.connector(), "2 >5-5")
        assert [(row["_seq"], row["_flaw"]) for row in rows] == [(3, None), (4, None), (5, None)]
        assert delivery.position_after() == "5"

    def test_a_young_gap_that_fills_when_those_behind_it_are_gone(self, source):
        """The department clears what was read behind a gap that is still waited for."""
        source.add((5, "I", "U5", "甲"), (7, "U", "U1", "丙", recent(20)), (9, "I", "U9", "戊", recent(20)))
        [(delivery, _)] = read(source.connector())
        assert delivery.position_after() == "5 >7-7 >9-9"
        source.run("DELETE FROM swap WHERE cd_id = 7")
        [(delivery, rows)] = read(source.connector(), "5 >7-7 >9-9")
        assert ([row["_seq"] for row in rows], delivery.position_after()) == ([9], "5 >7-7 >9-9")
        source.add((6, "U", "U1", "旧", recent(9)), (10, "I", "U10", "己", recent(5)))
        [(delivery, rows)] = read(source.connector(), "5 >7-7 >9-9")
        assert [(row["_seq"], row["_flaw"] is None) for row in rows] == [(6, False), (9, True), (10, True)]
        assert "late_record" in [f.code for f in delivery.findings]
        assert delivery.position_after() == "7 >9-10"
        source.run("UPDATE swap SET cd_time = '2026-01-01'")
        [(delivery, _)] = read(source.connector(), "7 >9-10")
        assert delivery.position_after() == "10 8-8"

    def test_transactions_that_commit_in_the_other_order_lose_nothing(self, source):
        """The lower number is given out first and committed last: read before and after, both come, in order."""
        source.add((1, "I", "U1", "甲"))
        with source.open() as late, late.cursor() as cursor:
            cursor.execute("INSERT INTO swap VALUES (2, 'U', %s, 'B1', 'U1', '旧', 0)", (recent(9),))
            source.add((3, "U", "U1", "新", recent(5)))
            [(delivery, rows)] = read(source.connector(), "1")
            assert (shape(rows), delivery.position_after()) == ([(3, "U", "U1", "新")], "1 >3-3")
            late.commit()
        [(delivery, rows)] = read(source.connector(), "1 >3-3")
        assert (shape(rows), delivery.position_after()) == ([(2, "U", "U1", "旧"), (3, "U", "U1", "新")], "3")

    def test_old_gap_is_passed(self, source):
        source.add((1, "I", "U1", "甲"), (5, "I", "U5", "戊", recent(20)), (9, "I", "U9", "壬", recent(10)))
        [(delivery, _)] = read(source.connector(gap_wait=5))
        assert delivery.position_after() == "9 2-4 6-8"

    def test_a_record_committed_after_its_gap_was_passed_is_read_in_order(self, source):
        """However long its transaction took: told, and what was read of the numbers behind it comes again after it."""
        source.add((1, "I", "U1", "甲"), (2, "I", "U2", "乙"), (6, "U", "U1", "丙"))
        [(delivery, _)] = read(source.connector())
        source.add((4, "U", "U1", "旧"), (7, "I", "U7", "庚"))
        [(delivery, rows)] = read(source.connector(), delivery.position_after())
        assert shape(rows) == [(4, "U", "U1", "旧"), (6, "U", "U1", "丙"), (7, "I", "U7", "庚")]
        assert [(f.code, "编号 4 " in f.message) for f in delivery.findings] == [("late_record", True)]
        assert delivery.position_after() == "7 3-3 5-5"
        [(delivery, rows)] = read(source.connector(), "7 3-3 5-5")
        assert (rows, delivery.position_after(), delivery.findings) == ([], "7 3-3 5-5", [])

    def test_a_late_record_is_quarantined_when_those_behind_it_are_gone(self, source):
        """The department clears what was read: whether the late word is older than a later one nobody can tell."""
        source.add((1, "I", "U1", "甲"), (4, "U", "U1", "丙"), (5, "I", "U5", "戊"))
        [(delivery, _)] = read(source.connector())
        assert delivery.position_after() == "5 2-3"
        source.run("DELETE FROM swap WHERE cd_id < 5")
        source.add((2, "U", "U1", "旧"), (6, "I", "U6", "己"))
        [(delivery, rows)] = read(source.connector(), "5 2-3")
        assert [(row["_seq"], row["_flaw"] is None) for row in rows] == [(2, False), (6, True)]
        assert [f.code for f in delivery.findings] == ["late_record"]
        assert (delivery.position_after(), delivery.handled) == ("6 3-3", [(2, 2), (6, 6)])

    @pytest.mark.parametrize(
        "spelled",
        [
            lambda moment: moment.strftime("%Y%m%d%H%M%S"),
            lambda moment: moment.strftime("%Y/%m/%d %H:%M:%S"),
            lambda moment: f"{moment.timestamp():.0f}",
        ],
    )
    def test_gaps_are_judged_by_times_written_as_text(self, source, spelled):
        """However they are written: a young gap is waited for, an old one does not hold the position for ever."""
        source.add((1, "I", "U1", "甲"), (5, "I", "U5", "戊"))
        for seconds, position in ((20, "1"), (4000, "5")):
            moment = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(seconds=seconds)
            source.run(f"UPDATE swap SET cd_batch = '{spelled(moment)}'")
            [(delivery, _)] = read(source.connector(time="cd_batch"))
            assert delivery.position_after().split()[0] == position

    def test_numbers_that_begin_anew_are_told(self, source):
        source.add((8, "I", "A8", "甲"), (9, "I", "A9", "乙"))
        connector = source.connector()
        [(delivery, _)] = read(connector)
        position = delivery.position_after()
        source.run("DELETE FROM swap WHERE cd_id = 8")
        assert read(connector, position)[0][1] == []  # what was read may be cleared away
        source.run("DELETE FROM swap")
        assert read(connector, position)[0][1] == []
        source.add((1, "U", "A8", "丙"))
        assert "--from-start" in failure(connector, SourceChanged, position)
        assert [row["_seq"] for _, rows in read(connector) for row in rows] == [1]

    def test_gap_right_after_the_position_is_waited_for(self, source):
        source.add((7, "I", "U7", "庚", recent(5)))
        [(delivery, rows)] = read(source.connector(), "5")
        assert ([row["_seq"] for row in rows], delivery.position_after()) == ([7], "5 >7-7")

    def test_reading_marks_nothing_unless_told_to(self, source):
        source.add((1, "I", "U1", "甲"))
        driver = open_driver(source.connector())
        [delivery] = driver.deliveries(None, ())
        list(delivery.batches())
        driver.acknowledge(delivery)
        assert source.flags() == []

    def test_exactly_the_records_read_are_marked(self, source):
        source.add(
            (1, "I", "U1", "甲"), (2, "I", "U2", "乙"), (4, "I", "U4", "丁"), (8, "D", "U4", None), (9, "I", "U9", "壬")
        )
        driver = open_driver(source.connector(mark_read=True))
        [delivery] = driver.deliveries("1", ())
        list(delivery.batches())
        source.add((3, "I", "U3", "丙"))
        driver.acknowledge(delivery)
        assert source.flags() == [2, 4, 8, 9]

    def test_flag_that_may_not_be_written_is_told_after_the_load(self, source):
        source.add((1, "I", "U1", "甲"))
        source.forbid()
        driver = open_driver(source.connector(mark_read=True))
        [delivery] = driver.deliveries(None, ())
        assert sum(batch.num_rows for batch in delivery.batches()) == 1
        with pytest.raises(ConfigError) as caught:
            driver.acknowledge(delivery)
        assert "已入库" in str(caught.value)
        assert "mark_read" in str(caught.value)
        assert source.flags() == []

    def test_operations_of_all_batches_come_in_the_order_they_were_written(self, source):
        """Two batches written side by side: the number is the order, the batch only a label."""
        source.add((1, "I", "U1", "甲"), (3, "D", "U1", None), (2, "U", "U1", "乙"), (4, "I", "U1", "丙"))
        source.run("UPDATE swap SET cd_batch = 'B2' WHERE cd_id IN (2, 4)")
        [(_, rows)] = read(source.connector())
        assert [(row["_seq"], row["_op"], row["cd_batch"]) for row in rows] == [
            (1, "I", "B1"), (2, "U", "B2"), (3, "D", "B1"), (4, "I", "B2"),
        ]  # fmt: skip

    def test_old_records_are_never_filled_in(self, source):
        with pytest.raises(ConfigError, match="改回旧值"):
            open_driver(source.connector()).backfill("1", "2")

    def test_operation_in_other_words(self, source):
        source.add((1, "1", "U1", "甲"), (2, "3", "U1", None))
        [(_, rows)] = read(source.connector(operations={"I": 1, "U": 2, "D": 3}))
        assert [row["_op"] for row in rows] == ["I", "D"]
        assert "'1'" in failure(source.connector(), SourceChanged)

    def test_unknown_operation_is_quarantined_and_the_others_are_read(self, source):
        source.add((1, "I", "U1", "甲"), (2, "X", "U1", "乙"), (3, "U", "U1", "丙"), (4, None, "U2", "丁"))
        [(delivery, rows)] = read(source.connector(), "0")
        assert [(row["_seq"], row["_op"]) for row in rows if row["_flaw"] is None] == [(1, "I"), (3, "U")]
        assert [(row["_seq"], row["权利人"], row["_flaw"][:12]) for row in rows if row["_flaw"]] == [
            (2, "乙", "操作代码 'X' 不是 "), (4, "丁", "操作代码 '空' 不是 "),
        ]  # fmt: skip
        assert delivery.position_after() == "4"

    def test_missing_exchange_column_is_told(self, source):
        source.run("ALTER TABLE swap DROP COLUMN cd_batch")
        assert "cd_batch" in failure(source.connector(), ConfigError)
        assert read(source.connector(batch=""))

    def test_probe(self, source):
        source.add((1, "I", "U1", "甲"))
        steps = list(open_driver(source.connector()).probe())
        assert [step.name for step in steps if step.ok] == ["resolve", "connect", "login", "read", "list"]
        last = list(open_driver(source.connector(id="cd_no")).probe())[-1]
        assert (last.name, last.ok) == ("read", False)
        assert "cd_no" in last.message

    def test_file_database_is_no_exchange(self, source, monkeypatch):
        monkeypatch.setenv("HUB_SOURCE_TEST", "sqlite:///x.db")
        failure(source.connector(), ConfigError)
