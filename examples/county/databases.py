"""Filling and changing the county's databases: PostgreSQL (register, exchange table), MariaDB or SQLite (cases), the hotline's store."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from examples.county.frames import public

# connector -> table name, primary key, the column that tells the last change
Tables = Mapping[str, tuple[str, tuple[str, ...], str | None]]
MARKET: Tables = {
    "market_supervision/enterprise": ("t_market_subject", ("zt_id",), "gxsj"),
    "market_supervision/enterprise_person": ("t_subject_person", ("ry_id",), None),
    "market_supervision/enterprise_name_history": ("t_name_change", ("tyshxydm", "曾用名"), None),
    "market_supervision/inspection_record": ("t_ssj_inspection", ("rwbh",), "gxsj"),
}
ESTATE: Tables = {"real_estate/property_registration": ("qzj_bdc_djxx", ("cd_id",), None)}
CASES: Tables = {
    "service_center/service_case": ("affair_case", ("sblsh",), "gxsj"),
    "service_center/service_case_event": ("affair_case_step", ("sblsh", "hjxh"), "gxsj"),
}
HOTLINE = {
    "hotline_office/hotline_ticket": ("tickets", "ticketNo"),
    "hotline_office/hotline_ticket_event": ("events", "eventId"),
    "hotline_office/hotline_assignment": ("assignments", "ticketNo"),
    "hotline_office/hotline_callback": ("callbacks", "callbackId"),
}
_MONEY = {"zczb", "mj", "jyjg", "djf", "sfje"}
_MOMENTS = {"sqsj", "slsj", "bjsj", "clsj", "gxsj"}
_DATES = {"yxqz"}
# Their clocks tell universal time, and nothing in the table says so (D26).
_UTC = {"qzj_bdc_djxx"}


def _type(name: str, dtype: pl.DataType, dialect: str) -> str:
    if name in _MONEY:
        return "numeric(18,2)"
    if dtype == pl.Date or name in _DATES:
        return "date"
    if isinstance(dtype, pl.Datetime) or name in _MOMENTS:
        return "timestamp" if dialect == "postgresql" else "datetime"
    if dtype == pl.Boolean:
        return "boolean" if dialect == "postgresql" else "tinyint(1)"
    if dtype.is_integer():
        return "bigint" if dialect == "postgresql" else "int"
    return "varchar(500)"


def fill_postgresql(
    url: str,
    tables: Tables,
    frames: dict[str, pl.DataFrame],
    reader: str,
    password: str,
) -> None:
    """Make the tables, copy the rows in, and let a read-only user see them."""
    with psycopg.connect(url) as connection:
        for connector, (table, key, cursor) in tables.items():
            frame = public(frames[connector])
            name = sql.Identifier(table)
            columns = sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(_type(c, t, "postgresql")))
                for c, t in frame.schema.items()
            )
            keys = sql.SQL(", ").join(map(sql.Identifier, key))
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
            connection.execute(sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(name, columns, keys))
            copy_rows(connection, table, frame)
            if cursor:
                connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(name, sql.Identifier(cursor)))
        user = sql.Identifier(reader)
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [reader]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(user))
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(user, sql.Literal(password)))
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(user))


def copy_rows(connection: psycopg.Connection[Any], table: str, frame: pl.DataFrame) -> None:
    """Append rows to a table by COPY."""
    if table in _UTC:
        frame = frame.with_columns(pl.col(pl.Datetime) - pl.duration(hours=8))
    target = io.BytesIO()
    frame.write_csv(
        target, include_header=False, null_value="\\N", quote_style="non_numeric", datetime_format="%Y-%m-%d %H:%M:%S"
    )
    columns = sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    with connection.cursor().copy(
        sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\\N')").format(sql.Identifier(table), columns)
    ) as copy:
        copy.write(target.getvalue())


def fill_mariadb(
    connection: Any,
    tables: Tables,
    frames: dict[str, pl.DataFrame],
    work: Path,
) -> None:
    """Make the tables of a pymysql connection (local_infile on) and load the rows."""
    with connection.cursor() as cursor:
        for connector, (table, key, order) in tables.items():
            frame = public(frames[connector])
            columns = ", ".join(f"`{c}` {_type(c, t, 'mariadb')}" for c, t in frame.schema.items())
            columns = columns.replace("`sblsh` varchar(500)", "`sblsh` varchar(64)")
            index = f", KEY (`{order}`)" if order else ""
            cursor.execute(f"DROP TABLE IF EXISTS `{table}`")
            cursor.execute(
                f"CREATE TABLE `{table}` ({columns}, PRIMARY KEY ({', '.join(f'`{k}`' for k in key)}){index}) CHARACTER SET utf8mb4"
            )
            load_rows(connection, table, frame, work)
    connection.commit()


def load_rows(connection: Any, table: str, frame: pl.DataFrame, work: Path) -> None:
    """Append rows to a MariaDB table."""
    file = work / f"{table}.tsv"
    frame = frame.with_columns(pl.selectors.boolean().cast(pl.Int8))
    frame.write_csv(file, include_header=False, separator="\t", null_value="\\N", quote_style="never")
    with connection.cursor() as cursor:
        columns = ", ".join(f"`{c}`" for c in frame.columns)
        cursor.execute(
            f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE `{table}` CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\\t' ({columns})"
        )
    file.unlink()


def fill_sqlite(path: Path, tables: Tables, frames: dict[str, pl.DataFrame]) -> None:
    """The same tables in one SQLite file, where there is no MariaDB."""
    with sqlite3.connect(path) as connection:
        for connector, (table, key, order) in tables.items():
            frame = public(frames[connector])
            columns = ", ".join(f'"{c}" {_type(c, t, "sqlite")}' for c, t in frame.schema.items())
            connection.execute(f'DROP TABLE IF EXISTS "{table}"')
            connection.execute(f'CREATE TABLE "{table}" ({columns}, PRIMARY KEY ({", ".join(key)}))')
            insert_rows(connection, table, frame)
            if order:
                connection.execute(f'CREATE INDEX "{table}_{order}" ON "{table}" ("{order}")')
    connection.close()


def insert_rows(connection: sqlite3.Connection, table: str, frame: pl.DataFrame) -> None:
    """Append rows to a SQLite table."""
    connection.executemany(f'INSERT INTO "{table}" VALUES ({", ".join("?" * frame.width)})', frame.iter_rows())


def documents(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """Key, last change and JSON text of each row, as the hotline's interface will hand it out."""
    shown = public(frame)
    return shown.select(
        pl.col(key).alias("id"),
        pl.col("updatedAt").alias("updated_at"),
        pl.struct(shown.columns).struct.json_encode().alias("doc"),
    )


def fill_hotline(path: Path, frames: dict[str, pl.DataFrame]) -> None:
    """The hotline platform's store: per collection a list of JSON documents in the order of their last change."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as store:
        store.execute("PRAGMA journal_mode = WAL")
        for connector, (collection, key) in HOTLINE.items():
            store.execute(f"CREATE TABLE {collection} (n INTEGER PRIMARY KEY, id TEXT, updated_at TEXT, doc TEXT)")
            add_documents(store, collection, documents(frames[connector], key))
            store.execute(f"CREATE INDEX {collection}_by_change ON {collection} (updated_at, n)")
    store.close()


def add_documents(store: sqlite3.Connection, collection: str, rows: pl.DataFrame) -> None:
    """Append documents to a collection."""
    store.executemany(f"INSERT INTO {collection} (id, updated_at, doc) VALUES (?, ?, ?)", rows.iter_rows())


def replace_documents(store: sqlite3.Connection, collection: str, rows: pl.DataFrame) -> None:
    """Put documents in the place of those with the same id."""
    changed: Sequence[tuple[str, str, str]] = [(changed, doc, key) for key, changed, doc in rows.iter_rows()]
    store.executemany(f"UPDATE {collection} SET updated_at = ?, doc = ? WHERE id = ?", changed)
