"""What every driver promises, tried on a real source of its kind.

A test module gives a `source` fixture: a `Source` filled with ROWS. Hostile on purpose: four-byte GB18030
characters, an emoji, full-width digits and blanks, quotation marks, backslashes, line breaks, NULL.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from connectors.drivers import open_driver
from connectors.spec import Connector
from connectors.spec import load as load_connector
from schemas.errors import ConfigError, HubError, SourceChanged
from warehouse.load import load

SECRET = "duzhe-mima"
COLUMNS = ("编号", "名称", "更新时间", "金额", "数量", "备注")
FIELDS = {"no": "编号", "name": "名称", "updated_at": "更新时间", "amount": "金额", "count": "数量", "note": "备注"}
ROWS = [
    ("T001", "县镕盛𠮷商行", "2026-03-01 08:00:00", "12.50", 1, "第一行"),
    ("T002", "㼆水镇合作社😀", "2026-03-01 09:30:00", "1234567890.10", 2, '含,逗号"引号"\n换行'),
    ("Ｔ００３", "张　三", "2026-03-01 09:30:00", None, None, None),
    ("T004", "O'Brien\\x;--", "2026-03-02 00:00:00", "0.00", 0, " 前后空格 "),
]


# Names and values that break readers, quoting, guessing and formatting; each must arrive as it was written.
HOSTILE_COLUMNS = ("编号", "2026年", "select", 'a"b', "c`d", "e]f", "g'h", "😀", "%s", "x;--", "{y}", "h\\i", "𠮷名")
HOSTILE_ROWS = [
    ("H1", "'; DROP TABLE ticket; --", "\\", "\\N", "NULL", "nan", "0012", "1e5", "915109990000000860", "=1+1", "２０２６－０１－０１", "%d{}", "零\u200b宽"),
    ("H2", *[None] * 12),
    ("H3", "长" * 4000, "\u202e反向", "a\tb", "true", "-0", ".5", "١٢", "😀😀", "<b>&amp;</b>", "$1", "12:00", "#N/A"),
]  # fmt: skip


class Source:
    """One source of a kind, and how to change it."""

    modes = ("full",)
    hostile = HOSTILE_COLUMNS

    def put_hostile(self, rows):
        """Fill it with HOSTILE_COLUMNS, all text; gives the options that name it."""
        self.put(rows, HOSTILE_COLUMNS)
        return {}

    def connector(self, mode=None, cursor=None, lookback="0s", fields=None, zone="Asia/Shanghai", **options):
        return Connector(
            id="dept/ticket", dept="dept", title="测试", dataset="ticket", source={**self.options(), **options}, mode=mode or self.modes[0],
            cursor=cursor, lookback=lookback, schedule=None, pool="dept", timezone=zone, fields=fields or FIELDS, constants={},
            path=Path("dept/ticket.yaml"),
        )  # fmt: skip

    def options(self):
        raise TypeError

    def put(self, rows, columns=COLUMNS):
        """Replace the content."""
        raise TypeError

    def registered(self, folder):
        """The file of a connector that loads it into call-backs."""
        path = folder / "hotline_office" / "conformance.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        fields = {"callback_id": "编号", "ticket_no": "编号", "round": "数量", "called_at": "更新时间"}
        constants = {"method": "电话", "reached": True, "solved": "已解决"}
        document = {
            "title": "一致性", "dataset": "hotline_callback", "source": self.options(), "load": {"mode": self.modes[0]}, "fields": fields,
            "constants": constants,
        }  # fmt: skip
        path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return path

    def expected_hostile(self, row):
        """A hostile row as its texts arrive."""
        return row

    def expected(self, row):
        """A row as its texts arrive; kinds that lose something say so here."""
        return tuple(None if value is None else str(value) for value in row)


def read(connector, position=None, seen=()):
    """All deliveries, read to their ends: [(delivery, rows as dicts)]."""
    driver, found = open_driver(connector), []
    for delivery in driver.deliveries(position, seen):
        schemas, rows = set(), []
        for batch in delivery.batches():
            batch.validate(full=True)
            schemas.add(batch.schema.to_string())
            rows += batch.to_pylist()
        assert len(schemas) == 1
        found.append((delivery, rows))
    return found


def rows_of(connector, position=None):
    """The rows of the one delivery there is."""
    [(_, rows)] = read(connector, position)
    return rows


def as_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return str(value) if isinstance(value, (int, float, Decimal, date)) else value


def texts(rows, columns=COLUMNS):
    return [tuple(as_text(row[name]) for name in columns) for row in rows]


def failure(connector, kind, position=None):
    """The error a read ends in, which must be of the kind and told as «哪里：什么不对。怎么办。» without a secret."""
    with pytest.raises(kind) as caught:
        read(connector, position)
    told = str(caught.value)
    assert isinstance(caught.value, HubError)
    assert told.startswith("dept/ticket")
    assert "：" in told
    assert told.rstrip()[-1] in "。？"
    assert caught.value.cure
    assert SECRET not in told
    return told


class Conformance:
    """Inherited by every driver's tests."""

    def test_every_value_arrives_exactly(self, source):
        assert sorted(texts(rows_of(source.connector())), key=str) == sorted(
            (source.expected(row) for row in ROWS), key=str
        )

    def test_keys_stay_unique(self, source):
        keys = [row["编号"] for row in rows_of(source.connector())]
        assert len(keys) == len(set(keys)) == len(ROWS)

    def test_delivery_says_what_it_is(self, source):
        [(delivery, _)] = read(source.connector())
        assert delivery.kind == source.modes[0]
        assert delivery.name
        assert delivery.findings == []

    def test_source_can_be_read_twice_alike(self, source):
        first, second = rows_of(source.connector()), rows_of(source.connector())
        assert first == second

    def test_columns_are_named_as_in_the_source(self, source):
        assert [column.name for column in open_driver(source.connector()).columns()][: len(COLUMNS)] == list(COLUMNS)

    def test_missing_column_is_told_with_the_nearest(self, source):
        told = failure(source.connector(fields={**FIELDS, "name": "名称们"}), (ConfigError, SourceChanged))
        assert "'名称们'" in told
        assert "编号" not in told.partition("没有")[0]

    def test_probe_passes_every_step(self, source):
        steps = list(open_driver(source.connector()).probe())
        assert [(step.name, step.ok) for step in steps] == [
            (n, True) for n in ("resolve", "connect", "login", "read", "list")
        ]
        assert all(step.message and step.seconds < 10 for step in steps)

    def test_probe_stops_at_what_is_wrong(self, source):
        steps = list(open_driver(source.connector(fields={**FIELDS, "name": "名称们"})).probe())
        assert not steps[-1].ok
        assert "名称们" in steps[-1].message

    def test_missing_reference_is_named(self, source):
        place = "url" if "url" in source.options() else "path"
        told = failure(source.connector(**{place: "${HUB_SOURCE_NOWHERE}"}), ConfigError)
        assert "HUB_SOURCE_NOWHERE" in told

    def test_hostile_names_and_values_arrive_as_written(self, source):
        options = source.put_hostile(HOSTILE_ROWS)
        made = source.connector(fields={f"c{n}": name for n, name in enumerate(source.hostile)}, **options)
        found = sorted(texts(rows_of(made), source.hostile), key=str)
        assert found == sorted((source.expected_hostile(row) for row in HOSTILE_ROWS), key=str)

    def test_same_row_twice_is_delivered_twice(self, source):
        """Which of two is kept is judged by the rules, never by a driver."""
        options = source.put_hostile([HOSTILE_ROWS[0], HOSTILE_ROWS[0], HOSTILE_ROWS[2]])
        made = source.connector(fields={"no": "编号", "x": "2026年"}, **options)
        assert sorted(row["编号"] for row in rows_of(made)) == ["H1", "H1", "H3"]

    def test_nothing_there_is_empty_or_told(self, source):
        source.put([])
        try:
            rows = rows_of(source.connector())
        except SourceChanged as error:
            rows = [] if error.cure else [error]
        assert rows == []

    def test_second_load_changes_nothing_and_a_kill_neither(self, source, home, tmp_path):
        """Through the whole data path: a load killed before its commit, a load, and the same once more."""
        path = source.registered(tmp_path)
        source.put(ROWS[:2])
        killed = [sys.executable, "-m", "tests.integration.callbacks", str(path), "merged"]
        done = subprocess.run(killed, capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
        made = load_connector(path)
        first = load(made, home)
        assert sum(r.extracted for r in first) == sum(r.passed + r.quarantined for r in first) == 2
        assert (sum(r.new_rows for r in first), sum(r.quarantined for r in first)) == (2, 0)
        again = load(made, home)
        assert not any(result.touched or result.quarantined for result in again)


class CursorConformance(Conformance):
    """Inherited by drivers that can read from a cursor on."""

    def cursor(self, source, **changes):
        return source.connector(**{"mode": "cursor", "cursor": "更新时间", **changes})

    def test_first_read_takes_everything(self, source):
        [(delivery, rows)] = read(self.cursor(source))
        assert len(rows) == len(ROWS)
        assert delivery.position_after().startswith("2026-03-02 00:00:00")

    def test_ties_at_the_cursor_are_not_lost(self, source):
        source.put(ROWS[:2])
        [(delivery, _)] = read(self.cursor(source))
        source.put(ROWS[:3])
        keys = {row["编号"] for row in rows_of(self.cursor(source), delivery.position_after())}
        assert keys == {"T002", "Ｔ００３"}

    def test_nothing_new_keeps_the_position(self, source):
        [(first, _)] = read(self.cursor(source))
        [(second, rows)] = read(self.cursor(source), first.position_after())
        assert second.position_after() == first.position_after()
        assert {row["编号"] for row in rows} == {"T004"}

    def test_no_row_at_all_keeps_the_position(self, source):
        source.put([])
        [(delivery, rows)] = read(self.cursor(source), "2026-03-02 00:00:00.000000")
        assert rows == []
        assert delivery.position_after() == "2026-03-02 00:00:00.000000"

    def test_lookback_reads_again(self, source):
        rows = rows_of(self.cursor(source, lookback="15h"), "2026-03-02 00:00:00.000000")
        assert {row["编号"] for row in rows} == {"T002", "Ｔ００３", "T004"}

    def test_row_from_the_future_does_not_hide_later_ones(self, source):
        source.put([*ROWS, ("T999", "时钟错了", "2099-01-01 00:00:00", "1.00", 1, None)])
        [(delivery, rows)] = read(self.cursor(source))
        assert len(rows) == len(ROWS) + 1
        assert delivery.position_after().startswith("2026-03-02 00:00:00")
        assert [finding.code for finding in delivery.findings] == ["cursor_future"]

    def test_lookback_that_fits_no_text_is_told(self, source):
        told = failure(self.cursor(source, cursor="编号", lookback="1h"), ConfigError, position="T002")
        assert "lookback" in told


class DatabaseConformance(CursorConformance):
    """Inherited by databases."""

    def test_row_without_cursor_value_is_never_lost(self, source):
        source.put([*ROWS, ("T005", "没有时间", None, "1.00", 1, None)])
        [(delivery, rows)] = read(self.cursor(source), "2026-03-02 00:00:00.000000")
        assert {row["编号"] for row in rows} == {"T004", "T005"}
        assert [finding.code for finding in delivery.findings] == ["cursor_null"]

    @pytest.mark.parametrize(
        ("cursor", "position", "keys", "after"),
        [
            ("数量", "1", {"T001", "T002", "Ｔ００３"}, "2"),
            ("金额", "12.5", {"T001", "T002", "Ｔ００３"}, "1234567890.1"),
        ],
    )
    def test_number_cursors_compare_as_numbers(self, source, cursor, position, keys, after):
        [(delivery, rows)] = read(self.cursor(source, cursor=cursor), position)
        assert {row["编号"] for row in rows} == keys
        assert delivery.position_after() == after

    def test_text_cursor_compares_byte_by_byte(self, source):
        source.put(
            [
                ("a", *ROWS[0][1:]),
                ("B", *ROWS[0][1:]),
                ("县", *ROWS[0][1:]),
                ("𠮷", *ROWS[0][1:]),
                ("x' OR '1'='1", *ROWS[0][1:]),
            ]
        )
        [(delivery, _)] = read(self.cursor(source, cursor="编号"))
        assert delivery.position_after() == "𠮷"
        assert {row["编号"] for row in rows_of(self.cursor(source, cursor="编号"), "a")} == {
            "a",
            "县",
            "𠮷",
            "x' OR '1'='1",
        }
        assert {row["编号"] for row in rows_of(self.cursor(source, cursor="编号"), "x' OR '1'='1")} == {
            "县",
            "𠮷",
            "x' OR '1'='1",
        }

    def test_numbers_that_begin_anew_are_told(self, source):
        source.put([(*ROWS[0][:4], 1, None)])
        [(again, rows)] = read(self.cursor(source, cursor="数量"), "7")
        assert rows == []
        assert [f.code for f in again.findings] == ["cursor_behind"]
        assert again.position_after() == "7"

    @pytest.mark.parametrize(
        ("first", "later"),
        [(["8", "9"], ["10"]), (["2026-3-9"], []), (["GD98", "GD99"], ["GD100"]), (["3/1/2026"], [])],
    )
    def test_text_cursor_that_sorts_otherwise_than_it_rises_is_told(self, source, first, later):
        """What came after 9 as 10 would never be read."""
        connector = self.cursor(source, cursor="编号")
        source.put([(key, *ROWS[0][1:]) for key in first])
        position = None
        if later:
            [(delivery, _)] = read(connector)
            position = delivery.position_after()
            source.put([(key, *ROWS[0][1:]) for key in later])
        assert "漏行" in failure(connector, SourceChanged, position)

    def test_text_cursor_of_one_width_is_read_on(self, source):
        source.put([(key, *ROWS[0][1:]) for key in ("GD-008", "GD-009")])
        [(delivery, _)] = read(self.cursor(source, cursor="编号"))
        source.put([(key, *ROWS[0][1:]) for key in ("GD-008", "GD-009", "GD-010")])
        rows = rows_of(self.cursor(source, cursor="编号"), delivery.position_after())
        assert {row["编号"] for row in rows} == {"GD-009", "GD-010"}

    def test_empty_table_gives_its_schema(self, source):
        source.put([])
        [delivery] = open_driver(source.connector()).deliveries(None, ())
        [batch] = delivery.batches()
        assert (batch.num_rows, batch.schema.names) == (0, list(COLUMNS))

    def test_the_key_a_table_is_declared_with_is_told(self, source):
        columns, key = open_driver(source.connector()).described()
        assert ([column.name for column in columns], key) == (list(COLUMNS), ["编号"])
        assert open_driver(source.connector(table=None, query="SELECT * FROM ticket")).described()[1] == []

    def test_query_and_where(self, source):
        table = source.options()["table"]
        q = source.quote
        query = f"SELECT * FROM {table} WHERE {q('编号')} <> 'T001';"
        assert len(rows_of(source.connector(table=None, query=query, where=f"{q('数量')} = 0"))) == 1
        assert len(rows_of(self.cursor(source, table=None, query=query), "2026-03-01 09:30:00.000000")) == 3

    def test_only_mapped_columns_are_read(self, source):
        rows = rows_of(source.connector(fields={"no": "编号"}))
        assert set(rows[0]) == {"编号"}

    def test_preview_asks_for_few_rows(self, source):
        driver = open_driver(source.connector())
        driver.limit = 2
        [delivery] = driver.deliveries(None, ())
        assert sum(batch.num_rows for batch in delivery.batches()) == 2

    def test_missing_table_is_told_with_the_nearest(self, source):
        told = failure(source.connector(table="tickte"), ConfigError)
        assert "'tickte'" in told
        assert "ticket" in told.replace("tickte", "").replace("dept/ticket", "")

    def test_tables_are_listed_filtered(self, source):
        driver = open_driver(source.connector())
        assert "ticket" in [table.name.rpartition(".")[2] for table in driver.tables()]
        assert [table.name.rpartition(".")[2] for table in driver.tables("ICKE")] == ["ticket"]
        assert [table.name.rpartition(".")[2] for table in driver.tables("tick*")] == ["ticket"]
        assert driver.tables("ick*") == driver.tables("no_such%") == []
        assert len(driver.tables(limit=1)) == 1

    def test_a_table_is_read_by_the_name_it_is_listed_under(self, source):
        """Dots, quotes, blanks and capitals within the name of a table."""
        before, old = {table.name for table in open_driver(source.connector()).tables()}, "ticket"
        for name in ("表.一", 'a"b', "Tab Le", '"x".y'):
            source.run(f"ALTER TABLE {source.quote(old)} RENAME TO {source.quote(name)}")
            old = name
            [listed] = {table.name for table in open_driver(source.connector()).tables()} - before
            assert len(rows_of(source.connector(table=listed))) == len(ROWS)

    def test_wrong_sql_is_told(self, source):
        failure(source.connector(where="1 ="), ConfigError)

    def test_column_gone_after_it_was_read_is_a_change_of_the_source(self, source):
        failure(self.cursor(source, fields={**FIELDS, "name": "名称们"}), SourceChanged, position="2026-03-01 00:00:00")

    def test_late_row_is_read_within_the_lookback(self, source):
        [(delivery, _)] = read(self.cursor(source, lookback="2h"))
        late = ("T005", "晚提交的", "2026-03-01 23:00:00", "1.00", 1, None)
        source.put([*ROWS, late])
        assert "T005" in {row["编号"] for row in rows_of(self.cursor(source, lookback="2h"), delivery.position_after())}
        assert "T005" not in {row["编号"] for row in rows_of(self.cursor(source), delivery.position_after())}

    def test_skewed_clocks_lose_nothing(self, source):
        """A writer whose clock is ahead must not hide the rows that others write until the source's clock gets there."""
        now = datetime.now(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)
        at = {minutes: f"{now + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}" for minutes in (-10, -1, 30)}
        source.put([("T1", "平常", at[-10], "1.00", 1, None), ("T2", "时钟快", at[30], "1.00", 1, None)])
        [(delivery, rows)] = read(self.cursor(source))
        assert len(rows) == 2
        assert delivery.position_after().startswith(at[-10])
        source.put([("T2", "时钟快", at[30], "1.00", 1, None), ("T3", "后写的", at[-1], "1.00", 1, None)])
        [(delivery, rows)] = read(self.cursor(source), delivery.position_after())
        assert {row["编号"] for row in rows} == {"T2", "T3"}
        assert delivery.position_after().startswith(at[-1])

    def test_write_once_cursor_is_warned_of(self, source):
        source.put(ROWS)
        query = f"SELECT {', '.join(map(source.quote, COLUMNS))}, {source.quote('更新时间')} AS {source.quote('创建时间')} FROM ticket"
        made = self.cursor(source, table=None, query=query, cursor="创建时间")
        [(delivery, _)] = read(made)
        [finding] = delivery.findings
        assert finding.code == "cursor_write_once"
        assert "'更新时间'" in finding.message
        assert "注意" in list(open_driver(made).probe())[-1].message
        assert read(self.cursor(source))[0][0].findings == []

    def test_backfill_reads_a_span_and_moves_no_bookmark(self, source):
        driver = open_driver(self.cursor(source))
        driver.backfill("2026-03-01 09:00:00", "2026-03-02")
        [delivery] = driver.deliveries("2026-03-02 00:00:00.000000", ())
        rows = [row for batch in delivery.batches() for row in batch.to_pylist()]
        assert {row["编号"] for row in rows} == {"T002", "Ｔ００３"}
        assert delivery.position_after() is None
        assert "补读" in delivery.name

    def test_backfill_of_what_cannot_be_is_told(self, source):
        with pytest.raises(ConfigError, match="补读"):
            open_driver(source.connector()).backfill("2026-03-01", "2026-03-02")
        driver = open_driver(self.cursor(source, cursor="数量"))
        driver.backfill("一", "二")
        [delivery] = driver.deliveries(None, ())
        with pytest.raises(ConfigError, match="backfill"):
            list(delivery.batches())

    def test_position_of_another_type_is_told(self, source):
        failure(self.cursor(source, cursor="数量"), SourceChanged, position="not a number")
