"""Publication: only what can have changed is computed, at once, and readers never see less than a whole table."""

import datetime
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.views.casefile import create, insert, query_of
from views.catalog import Catalog, load_catalog
from views.publish import Published, publish

DAY = datetime.date(2025, 10, 14)
HEADER = "/* ---\ntitle: {title}\nquestion: 几件？\ngrain: 每行一个状态\nowner: 县热线办\ndefinition:\n  tickets: 全部工单\n--- */\n"
COUNT = "SELECT\n  status, -- 状态\n  COUNT(*) AS tickets -- 工单（件）\nFROM hotline_ticket\nGROUP BY status\n"
ABOVE = "SELECT\n  SUM(tickets) AS tickets -- 工单（件）\nFROM hotline_by_status\n"
DUE = "SELECT\n  COUNT(*) AS tickets -- 到期（件）\nFROM hotline_ticket\nWHERE due_at < :as_of\n"
BACK = "SELECT\n  COUNT(*) AS tickets -- 回访（件）\nFROM hotline_callback\n"


def write(root: Path, name: str, sql: str, title: str = "工单") -> None:
    (root / "hotline").mkdir(exist_ok=True)
    (root / "hotline" / f"{name}.sql").write_text(HEADER.format(title=title) + sql, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, sql in (("by_status", COUNT), ("total", ABOVE), ("due", DUE), ("callbacks", BACK)):
        write(tmp_path, name, sql)
    return tmp_path


@pytest.fixture
def hub(empty_database: str) -> Iterator[psycopg.Connection]:
    """A warehouse with two datasets: three tickets, no callback."""
    with psycopg.connect(empty_database) as connection:
        query = query_of(connection)
        query("CREATE SCHEMA shared")
        query("SET search_path = shared")
        create(query, ["hotline_ticket", "hotline_callback"], "CREATE TABLE ")
        insert(query, "hotline_ticket", [
            {"ticket_no": "T1", "status": "closed", "due_at": "2025-10-13 18:00:00"},
            {"ticket_no": "T2", "status": "closed", "due_at": "2025-10-14 18:00:00"},
            {"ticket_no": "T3", "status": "signed"},
        ])  # fmt: skip
        query("SET search_path = public")
        connection.commit()
        yield connection


def names(done: list[Published]) -> dict[str, bool]:
    return {p.name: p.changed for p in done}


def rows(connection: psycopg.Connection, table: str) -> list[tuple[object, ...]]:
    return sorted(connection.execute(f"SELECT * FROM board.{table}".encode()).fetchall())


def test_first_publication_makes_every_table(hub: psycopg.Connection, root: Path) -> None:
    done = publish(hub, None, DAY, catalog=load_catalog(root))
    assert [p.error for p in done] == [""] * 4
    assert {p.name: (p.rows, p.changed) for p in done} == {
        "hotline_by_status": (2, True), "hotline_callbacks": (1, True), "hotline_due": (1, True), "hotline_total": (1, True),
    }  # fmt: skip
    assert rows(hub, "hotline_by_status") == [("closed", 2), ("signed", 1)]
    assert rows(hub, "hotline_total") == [(3,)]
    assert hub.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS  # by the reads above only
    hub.rollback()
    assert rows(hub, "hotline_due") == [(1,)]


def test_tables_carry_the_chinese_texts(hub: psycopg.Connection, root: Path) -> None:
    publish(hub, None, DAY, catalog=load_catalog(root))
    text = "SELECT obj_description('board.hotline_by_status'::regclass), col_description('board.hotline_by_status'::regclass, {})"
    assert hub.execute(text.format(1).encode()).fetchone() == ("工单。几件？每行一个状态", "状态")
    assert hub.execute(text.format(2).encode()).fetchone() == ("工单。几件？每行一个状态", "工单（件）：全部工单")
    write(root, "by_status", COUNT.replace("工单（件）", "件数"), title="工单数")
    assert names(publish(hub, set(), DAY, catalog=load_catalog(root))) == {"hotline_by_status": False}
    assert hub.execute(text.format(2).encode()).fetchone() == ("工单数。几件？每行一个状态", "件数：全部工单")


def test_only_views_above_what_changed_are_computed(hub: psycopg.Connection, root: Path) -> None:
    catalog = load_catalog(root)
    publish(hub, None, DAY, catalog=catalog)
    assert publish(hub, set(), DAY, catalog=catalog) == []
    assert names(publish(hub, {"hotline_callback"}, DAY, catalog=catalog)) == {"hotline_callbacks": False}
    hub.execute("UPDATE shared.hotline_ticket SET status = 'closed' WHERE ticket_no = 'T3'")
    hub.commit()
    done = publish(hub, {"hotline_ticket"}, DAY, catalog=catalog)
    # The total is computed because the view below it changed, and comes out as it was.
    assert names(done) == {"hotline_by_status": True, "hotline_due": False, "hotline_total": False}
    assert rows(hub, "hotline_by_status") == [("closed", 3)]


def test_equal_content_is_not_rewritten(hub: psycopg.Connection, root: Path) -> None:
    catalog = load_catalog(root)
    publish(hub, None, DAY, catalog=catalog)
    stored = hub.execute("SELECT ctid, xmin, status FROM board.hotline_by_status ORDER BY status").fetchall()
    assert set(names(publish(hub, None, DAY, catalog=catalog)).values()) == {False}
    assert hub.execute("SELECT ctid, xmin, status FROM board.hotline_by_status ORDER BY status").fetchall() == stored


def test_equal_counts_of_other_rows_are_a_change(hub: psycopg.Connection, root: Path) -> None:
    write(root, "listed", "SELECT\n  status -- 状态\nFROM hotline_ticket\n", title="清单")
    (root / "hotline" / "listed.sql").write_text(
        (root / "hotline" / "listed.sql").read_text().replace("definition:\n  tickets: 全部工单\n", "")
    )
    catalog = load_catalog(root)
    publish(hub, None, DAY, catalog=catalog)
    # closed, closed, signed -> closed, signed, signed: the same values, the same number of rows.
    hub.execute("UPDATE shared.hotline_ticket SET status = 'signed' WHERE ticket_no = 'T1'")
    hub.commit()
    assert names(publish(hub, {"hotline_ticket"}, DAY, catalog=catalog))["hotline_listed"]
    assert rows(hub, "hotline_listed") == [("closed",), ("signed",), ("signed",)]


def test_another_day_recomputes_what_depends_on_it(hub: psycopg.Connection, root: Path) -> None:
    catalog = load_catalog(root)
    publish(hub, None, DAY, catalog=catalog)
    next_day = DAY + datetime.timedelta(days=1)
    assert names(publish(hub, set(), next_day, catalog=catalog)) == {"hotline_due": True}
    assert rows(hub, "hotline_due") == [(2,)]
    as_of = hub.execute("SELECT DISTINCT as_of FROM board.published_view").fetchall()
    assert as_of == [(next_day,)]


def test_a_view_that_appears_or_changes_is_computed(hub: psycopg.Connection, root: Path) -> None:
    publish(hub, None, DAY, catalog=load_catalog(root))
    write(root, "by_status", COUNT.replace("GROUP BY", "WHERE status = 'signed'\nGROUP BY"))
    write(root, "fresh", BACK)
    done = publish(hub, set(), DAY, catalog=load_catalog(root))
    assert names(done) == {"hotline_by_status": True, "hotline_fresh": True, "hotline_total": True}
    assert rows(hub, "hotline_total") == [(1,)]


def test_a_lost_table_is_made_again(hub: psycopg.Connection, root: Path) -> None:
    publish(hub, None, DAY, catalog=load_catalog(root))
    hub.execute("DROP TABLE board.hotline_due")
    hub.commit()
    assert names(publish(hub, set(), DAY, catalog=load_catalog(root))) == {"hotline_due": True}


def test_a_new_shape_replaces_the_table(hub: psycopg.Connection, root: Path) -> None:
    publish(hub, None, DAY, catalog=load_catalog(root))
    write(root, "by_status", COUNT.replace("  COUNT(*)", "  MIN(ticket_no) AS first, -- 首张\n  COUNT(*)"))
    assert names(publish(hub, set(), DAY, catalog=load_catalog(root)))["hotline_by_status"]
    assert rows(hub, "hotline_by_status") == [("closed", "T1", 2), ("signed", "T3", 1)]


def test_a_new_shape_never_breaks_what_others_built_on_the_table(hub: psycopg.Connection, root: Path) -> None:
    publish(hub, None, DAY, catalog=load_catalog(root))
    hub.execute("CREATE VIEW public.mine AS SELECT status FROM board.hotline_by_status")
    hub.commit()
    write(root, "by_status", COUNT.replace("  COUNT(*)", "  MIN(ticket_no) AS first, -- 首张\n  COUNT(*)"))
    failed = [p for p in publish(hub, set(), DAY, catalog=load_catalog(root)) if p.error]
    assert [p.name for p in failed] == ["hotline_by_status"]
    assert "有别的视图依赖已发布的表" in failed[0].error
    assert len(rows(hub, "hotline_by_status")) == 2


def test_a_failing_view_keeps_its_rows_and_stops_no_other(hub: psycopg.Connection, root: Path) -> None:
    publish(hub, None, DAY, catalog=load_catalog(root))
    write(root, "by_status", COUNT.replace("COUNT(*)", "MAX(CAST(ticket_no AS INTEGER))"))
    (root / "hotline" / "unread.sql").write_text("没有说明")
    hub.execute("INSERT INTO shared.hotline_callback (callback_id) VALUES ('H1')")
    hub.commit()
    catalog = load_catalog(root)
    done = {p.name: p for p in publish(hub, {"hotline_ticket", "hotline_callback"}, DAY, catalog=catalog)}
    assert (
        "views/hotline/by_status.sql：核算失败（InvalidTextRepresentation），仍显示上一次的结果"
        in done["hotline_by_status"].error
    )
    assert "T1" not in done["hotline_by_status"].error  # a value of a row
    assert "开头没有" in done["hotline_unread"].error
    assert done["hotline_callbacks"].changed
    assert rows(hub, "hotline_by_status") == [("closed", 2), ("signed", 1)]
    # It is tried again although nothing else has changed.
    assert {p.name for p in publish(hub, set(), DAY, catalog=catalog)} == {"hotline_by_status", "hotline_unread"}


def test_a_dataset_not_yet_there_is_told(hub: psycopg.Connection, root: Path) -> None:
    hub.execute("DROP TABLE shared.hotline_callback")
    hub.commit()
    done = {p.name: p.error for p in publish(hub, None, DAY, catalog=load_catalog(root))}
    assert "用到的数据集还没有建表" in done["hotline_callbacks"]
    assert done["hotline_total"] == ""


def test_a_reader_sees_whole_tables_and_never_waits(hub: psycopg.Connection, root: Path, empty_database: str) -> None:
    catalog = load_catalog(root)
    publish(hub, None, DAY, catalog=catalog)
    hub.execute("UPDATE shared.hotline_ticket SET status = 'closed'")
    with hub.transaction(), psycopg.connect(empty_database, autocommit=True) as reader:
        publish(hub, {"hotline_ticket"}, DAY, catalog=catalog)
        reader.execute("SET lock_timeout = '200ms'")
        assert rows(reader, "hotline_by_status") == [("closed", 2), ("signed", 1)]
        assert rows(reader, "hotline_total") == [(3,)]
    hub.rollback()


def test_the_callers_transaction_stays_the_callers(hub: psycopg.Connection, root: Path) -> None:
    catalog = load_catalog(root)
    publish(hub, None, DAY, catalog=catalog)
    hub.execute("SET search_path = shared")
    hub.execute("DELETE FROM hotline_ticket WHERE ticket_no = 'T1'")
    publish(hub, {"hotline_ticket"}, DAY, catalog=catalog)
    assert hub.execute("SHOW search_path").fetchone() == ("shared",)
    assert rows(hub, "hotline_total") == [(2,)]
    hub.rollback()
    assert rows(hub, "hotline_total") == [(3,)]


def test_two_publishers_do_not_deadlock(hub: psycopg.Connection, root: Path, empty_database: str) -> None:
    catalog: Catalog = load_catalog(root)
    publish(hub, None, DAY, catalog=catalog)
    failures: list[object] = []

    def work(number: int) -> None:
        with psycopg.connect(empty_database) as connection:
            for turn in range(5):
                connection.execute(
                    f"INSERT INTO shared.hotline_ticket (ticket_no, status) VALUES ('{number}-{turn}', 'signed')".encode()
                )
                connection.commit()
                failures.extend(
                    p.error for p in publish(connection, {"hotline_ticket"}, DAY, catalog=catalog) if p.error
                )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert rows(hub, "hotline_total") == [(18,)]


def test_readers_are_given_the_tables(hub: psycopg.Connection, root: Path) -> None:
    made = hub.execute("SELECT 1 FROM pg_roles WHERE rolname = 'hub_reader'").fetchone() is None
    if made:
        hub.execute("CREATE ROLE hub_reader")
        hub.commit()
    try:
        publish(hub, None, DAY, catalog=load_catalog(root))
        hub.execute("SET ROLE hub_reader")
        assert rows(hub, "hotline_total") == [(3,)]
        assert rows(hub, "published_view")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            hub.execute("DELETE FROM board.hotline_total")
    finally:
        hub.rollback()
        if made:
            hub.execute("DROP OWNED BY hub_reader")
            hub.execute("DROP ROLE hub_reader")
            hub.commit()
