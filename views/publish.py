"""Publishing: each view computed and kept as a table board.<view>, so that a board opens at once.

Only what can have changed is computed: views whose inputs changed, views above a view whose rows changed, views
whose own text or as-of day changed; and of a view that says how its rows hang on its inputs' (views.partial), only the
rows that the deliveries since the last publication touch. Rows go in by DELETE and INSERT inside one transaction: a reader sees the old
table or the new one, and never waits. All views read one moment, so that a delivery is in all of them or, committed
meanwhile, in none and due next time. A view that fails keeps its old rows and says why; the others go on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from schemas.errors import HubError
from views import partial
from views.catalog import Catalog, View, load_catalog
from views.render import render

READER = "hub_reader"

# Two publishers at once would wait for each other's rows in any order; one waits for the other here.
_LOCK = 0x746F6E67
# The tables a partial refresh picks a few rows from were just read, so an index costs what it costs in memory. Sorting
# five million steps in 4 MB goes to disk; only one publication runs at a time.
_SETTINGS = {"search_path": "board, shared", "random_page_cost": "1.1", "work_mem": "64MB"}
_LEDGER = """
CREATE TABLE IF NOT EXISTS board.published_view (
  view text PRIMARY KEY,
  file text NOT NULL,
  query text NOT NULL,
  as_of date NOT NULL,
  row_count bigint NOT NULL,
  published_at timestamptz NOT NULL
);
COMMENT ON TABLE board.published_view IS '已发布的视图：每个视图最近一次核算的数据日、行数和时间';
COMMENT ON COLUMN board.published_view.view IS '视图';
COMMENT ON COLUMN board.published_view.file IS '视图文件的指纹';
COMMENT ON COLUMN board.published_view.query IS '所执行查询（参数已代入）的指纹';
COMMENT ON COLUMN board.published_view.as_of IS '数据截至';
COMMENT ON COLUMN board.published_view.row_count IS '行数';
COMMENT ON COLUMN board.published_view.published_at IS '核算时间';
"""
_BATCHES = """
CREATE TABLE IF NOT EXISTS board.published_batch (batch_id int PRIMARY KEY, dataset text NOT NULL);
COMMENT ON TABLE board.published_batch IS '已算进视图的批次：下一次只算这之后的';
COMMENT ON COLUMN board.published_batch.batch_id IS '批次';
COMMENT ON COLUMN board.published_batch.dataset IS '数据集';
CREATE TABLE IF NOT EXISTS board.published_golden (seen pg_snapshot NOT NULL);
COMMENT ON TABLE board.published_golden IS '最近一次发布看到的主记录：下一次只算这之后变了的';
COMMENT ON COLUMN board.published_golden.seen IS '事务快照';
CREATE TABLE IF NOT EXISTS board.published_own (name text PRIMARY KEY, fingerprint text NOT NULL);
COMMENT ON TABLE board.published_own IS '通衢自己记的小表、参照表最近一次发布时的样子：变了才重算';
COMMENT ON COLUMN board.published_own.name IS '表';
COMMENT ON COLUMN board.published_own.fingerprint IS '行数和各行哈希之和，参照表是其文件的指纹';
"""
# Small tables of the hub's own, written by people's answers and by visits: read whole to see whether they moved. Reference
# tables have a fingerprint already.
_OWN = ("data_objection", "source_answer", "rectification_report")
_SHAPE = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


@dataclass(frozen=True)
class Published:
    """What became of one view that was computed; `changed` is False when it came out as it was.

    `partial`: only the rows that the new deliveries touch were computed.
    """

    name: str
    rows: int
    changed: bool
    seconds: float
    error: str = ""
    partial: bool = False


def publish(
    connection: psycopg.Connection[Any],
    changed: set[str] | None,
    as_of: date,
    *,
    catalog: Catalog | None = None,
) -> list[Published]:
    """Compute what `changed` (dataset and reference table names; None means everything) can have touched.

    What deliveries brought and people answered in the hub itself since the last publication counts as changed without
    being named. Views left alone are not in the answer. Committed as one transaction, unless the caller already has one
    open on the connection: then it is the caller's to commit, and reads what that reads. Running it again changes nothing.
    """
    catalog = catalog or load_catalog()
    done = [Published(name, 0, False, 0.0, str(error)) for name, error in catalog.broken.items()]
    current: list[str] = []  # nothing they rest on has changed, so they hold as of the new day too
    touched: set[str] = set()
    with _one_moment(connection), connection.cursor() as cursor:
        before = _set(cursor, _SETTINGS)
        known = _prepare(cursor)
        _know(cursor)
        answered = _answered(cursor)
        changed = None if changed is None else changed | answered | partial.unpublished(cursor)
        changes = partial.Changes(cursor, changed)
        for view in catalog.views.values():
            begun = time.perf_counter()
            try:
                text = render(view, "postgres", as_of)
                hashes = (_hash(view.sql), _hash(text))
                last = known.get(view.name, ("", ""))
                stale = changed is None or bool(view.inputs & (changed | touched)) or last != hashes
                if not stale and _shape(cursor, f"board.{view.name}"):
                    current.append(view.name)
                    continue
                moved = view.inputs & ((changed or set()) | touched)
                with connection.transaction():
                    delta = None
                    if changed is not None and last == hashes and _shape(cursor, f"board.{view.name}"):
                        delta = partial.refresh(cursor, view, text, changes, moved, catalog)
                    if delta is None:
                        rows, differs = _refresh(cursor, view, text, relabel=last[0] != hashes[0])
                    else:
                        rows, differs = delta.rows, delta.differs
                    _note(cursor, view, [*hashes, as_of, rows])
            except (psycopg.Error, HubError) as error:
                # Forgotten, so that the next publication tries it again even when nothing else has changed.
                cursor.execute("UPDATE board.published_view SET query = '' WHERE view = %s", [view.name])
                done.append(Published(view.name, 0, False, time.perf_counter() - begun, _explain(view, error)))
                continue
            if differs:
                touched.add(view.name)
            seconds = time.perf_counter() - begun
            done.append(Published(view.name, rows, differs, seconds, partial=delta is not None))
        changes.close()
        cursor.execute(
            "UPDATE board.published_view SET as_of = %s WHERE view = ANY (%s) AND as_of <> %s", [as_of, current, as_of]
        )
        _set(cursor, before)
    return done


@contextmanager
def _one_moment(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """A transaction that no other publication runs beside, and that reads everything as it is at its start.

    The turn is taken before it: a snapshot made while waiting would not see what the one before has published.
    """
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            yield
        return
    level = connection.isolation_level
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    connection.commit()
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            yield
    finally:
        if not connection.closed:
            connection.isolation_level = level
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
            connection.commit()


def _set(cursor: psycopg.Cursor[Any], settings: dict[str, str]) -> dict[str, str]:
    """Settings for the rest of the transaction; what they were."""
    before = {}
    for name, value in settings.items():
        cursor.execute("SELECT current_setting(%s), set_config(%s, %s, true)", [name, name, value])
        before[name] = str(_one(cursor)[0])
    return before


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _prepare(cursor: psycopg.Cursor[Any]) -> dict[str, tuple[str, str]]:
    """Make the board schema and its register when missing; hashes of file and query published so far."""
    cursor.execute("SELECT to_regclass('board.published_view')")
    if _one(cursor)[0] is None:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS board")
        cursor.execute(_LEDGER)
        _grant(cursor, "published_view")
    cursor.execute(_BATCHES)
    cursor.execute("SELECT view, file, query FROM board.published_view")
    return {view: (file, query) for view, file, query in cursor.fetchall()}


def _know(cursor: psycopg.Cursor[Any]) -> None:
    """Have the planner know the tables that autovacuum leaves alone: those of a few dozen rows, and those just made.

    It took four sources for 380, and from that a join of 200 open tickets for one row: 0.05 s became 167 s.
    """
    cursor.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND pg_has_role(relowner, 'USAGE') AND (reltuples < 0 OR oid = to_regclass('hub.source')) "
        "AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('hub', 'shared', 'record', 'board'))"
    )
    for (table,) in cursor.fetchall():
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.SQL(table)))


def _answered(cursor: psycopg.Cursor[Any]) -> set[str]:
    """Which of the hub's own small tables and of the reference tables are not as the last publication read them; noted for the next."""
    looks: list[sql.Composable] = [
        sql.SQL("SELECT {}, concat(count(*), '/', sum(hashtextextended(t::text, 0)::numeric)) FROM {} AS t").format(
            sql.Literal(name), sql.Identifier("shared", name)
        )
        for name in _OWN
        if partial.stands(cursor, f"shared.{name}")
    ]
    if partial.stands(cursor, "hub.reference"):
        looks.append(sql.SQL("SELECT name, fingerprint FROM hub.reference"))
    moved: set[str] = set()
    for look in looks:
        cursor.execute(
            sql.SQL(
                "INSERT INTO board.published_own {} ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint "
                "WHERE published_own.fingerprint <> excluded.fingerprint RETURNING name"
            ).format(look)
        )
        moved |= {name for (name,) in cursor.fetchall()}
    return moved


def _refresh(cursor: psycopg.Cursor[Any], view: View, text: str, *, relabel: bool) -> tuple[int, bool]:
    """Put the view's rows into its table if they differ from what is there; row count and whether they did."""
    fresh = sql.Identifier("pg_temp", "fresh_" + view.name)
    table = sql.Identifier("board", view.name)
    create = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS ").format(sql.Identifier("fresh_" + view.name))
    cursor.execute(create + sql.SQL(text))
    rows = cursor.rowcount
    same_shape = _shape(cursor, f"board.{view.name}") == _shape(cursor, f"pg_temp.fresh_{view.name}")
    if same_shape and _same_rows(cursor, table, fresh, rows):
        differs = False
    else:
        differs = True
        if same_shape:
            cursor.execute(sql.SQL("DELETE FROM {}").format(table))
        else:
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
            cursor.execute(sql.SQL("CREATE TABLE {} (LIKE {})").format(table, fresh))
            _grant(cursor, view.name)
        cursor.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(table, fresh))
        partial.index(cursor, view)
        cursor.execute(sql.SQL("ANALYZE {}").format(table))
    cursor.execute(sql.SQL("DROP TABLE {}").format(fresh))
    partial.keep(cursor, view, text)
    if relabel or not same_shape:
        _comment(cursor, view)
    return rows, differs


def _same_rows(cursor: psycopg.Cursor[Any], table: sql.Identifier, fresh: sql.Identifier, rows: int) -> bool:
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(table))
    if _one(cursor)[0] != rows:
        return False
    # With equal counts one direction is enough: nothing of the new missing from the old means nothing too many.
    cursor.execute(sql.SQL("SELECT NOT EXISTS (SELECT * FROM {} EXCEPT ALL SELECT * FROM {})").format(fresh, table))
    return bool(_one(cursor)[0])


def _shape(cursor: psycopg.Cursor[Any], table: str) -> list[tuple[str, str]]:
    """Column names and types in order; empty when there is no such table."""
    cursor.execute(_SHAPE, [table])
    return list(cursor.fetchall())


def _comment(cursor: psycopg.Cursor[Any], view: View) -> None:
    """Bring the table's and its columns' Chinese comments in line with the file; nothing is written when they are."""
    wanted = {0: f"{view.title}。{view.question}{view.grain}"}
    for number, column in enumerate(view.columns, 1):
        definition = view.definitions.get(column.name)
        wanted[number] = f"{column.title}：{definition}" if definition else column.title
    cursor.execute(
        "SELECT objsubid, description FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid = %s::regclass",
        [f"board.{view.name}"],
    )
    present = dict(cursor.fetchall())
    table = sql.Identifier("board", view.name)
    for number, text in wanted.items():
        if present.get(number) == text:
            continue
        if number == 0:
            cursor.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(text)))
        else:
            column_name = sql.Identifier("board", view.name, view.columns[number - 1].name)
            cursor.execute(sql.SQL("COMMENT ON COLUMN {} IS {}").format(column_name, sql.Literal(text)))


def _grant(cursor: psycopg.Cursor[Any], table: str) -> None:
    """Let readers read, where the site has made the role."""
    cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [READER])
    if _one(cursor)[0]:
        role = sql.Identifier(READER)
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA board TO {}").format(role))
        cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier("board", table), role))
    # The portal's users: each department its own rows.
    cursor.execute("SELECT to_regproc('hub.guard') IS NOT NULL")
    if _one(cursor)[0]:
        cursor.execute("SELECT hub.guard(%s::regclass)", [f"board.{table}"])


def _note(cursor: psycopg.Cursor[Any], view: View, values: list[object]) -> None:
    cursor.execute(
        "INSERT INTO board.published_view VALUES (%s, %s, %s, %s, %s, clock_timestamp()) ON CONFLICT (view) DO UPDATE SET "
        "file = excluded.file, query = excluded.query, as_of = excluded.as_of, row_count = excluded.row_count, "
        "published_at = excluded.published_at",
        [view.name, *values],
    )


def _explain(view: View, error: Exception) -> str:
    """The failure in the hub's form, without the values of rows that some database messages quote."""
    if isinstance(error, HubError):
        return str(error)
    if isinstance(error, psycopg.errors.DependentObjectsStillExist):
        return str(
            HubError(view.where, "列有变动，但有别的视图依赖已发布的表", f"请先删除依赖 board.{view.name} 的视图再发布")
        )
    if isinstance(error, psycopg.errors.UndefinedTable):
        return str(HubError(view.where, "用到的数据集还没有建表", "请先运行 hub init，再接入该数据集"))
    reason = type(error).__name__
    if isinstance(error, psycopg.ProgrammingError) and error.diag.message_primary:
        reason = error.diag.message_primary  # class 42: names of objects only
    return str(HubError(view.where, f"核算失败（{reason}），仍显示上一次的结果", "请检查视图和它用到的数据集"))


def _one(cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    if row is None:
        raise RuntimeError("the database answered without a row")
    return tuple(row)
