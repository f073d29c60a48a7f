"""What people may read, enforced in PostgreSQL: one login role a user, masked views, department rules.

    shared.<dataset>  ->  masked.<dataset>   the same columns, sensitive ones masked, rows by scope or approved request
    board.<view>                             row security by department (hub.guard)

A dataset shared unconditionally (无条件共享) shows its rows to every department without a request; one that is not
shared (不予共享) to nobody but the department it comes from. Else rows are the own department's, the whole county's
staff's, and those of an approved request. S0 and S1 show as they are; S2 is masked, S3 is hidden, unless an approved request opens the dataset (hub.unmasks).
A relation of schema `shared` that has no contract and is not named in OPEN is not offered at all.
"""

from __future__ import annotations

import hashlib
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from schemas.contract import Contract, Field, contracts
from warehouse.versions import SUFFIX

SEARCH_PATH = "board, masked"
SECONDS = 60
TEMP_FILES = (
    "2GB"  # a query may write aside while it runs; without a limit one row source of 100 million fills the disk
)
_IDLE_SECONDS = 600  # a transaction may be left open: it keeps the warehouse from clearing away what was replaced
# Without personal data, for everybody who queries: reference tables and the hub's own books.
OPEN = frozenset(
    {
        "department",
        "department_alias",
        "code_value",
        "deadline_rule",
        "work_calendar",
        "delivery_promise",
        "batch",
        "source_answer",
        "quarantine",
        "data_objection",
        "rectification_report",
        "enterprise_provenance",
        "enterprise_conflict",
        "enterprise_name",
        "hotline_topic",
        "hotline_topic_ticket",
    }
)
_TOLD = {
    "batch": "批次：每行一个来源的一次交付，取到、通过、退回多少行",
    "source_answer": "来源应答：每行一个来源答复了的一天，有没有新数据都算",
    "quarantine": "隔离的行：每行一个没有通过检查的行的一条原因",
    "data_objection": "数据异议：每行一件，result 为空的还没答复；说了什么只给当事人看",
    "rectification_report": "整改报告：每行一份，accepted 为空的还没审核；谁报、谁审、哪天、佐证的文件名和 sha256；ledger_ 开头的是审核那天台账怎么写；kind 为 reopen 的是反弹重开，due_on 是重新定的时限",
}
# Masked before it came in: showing it tells nothing more.
_SAFE_KINDS = frozenset({"mask_name", "mask_phone", "mask_id", "mask_card", "hmac"})
_LOCK = 0x746F6E68
_RELATIONS = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum), array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum),
  array_agg(coalesce(col_description(c.oid, a.attnum), '') ORDER BY a.attnum), coalesce(obj_description(c.oid), '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'shared'::regnamespace AND c.relkind IN ('r', 'v', 'm') GROUP BY c.oid, c.relname ORDER BY c.relname
"""


def reader(connection: psycopg.Connection[Any]) -> str:
    """The group role of everybody who reads this warehouse; roles belong to the server, so it bears the database's name."""
    return f"{connection.info.dbname}_reader"


def secure(connection: psycopg.Connection[Any]) -> None:
    """Bring the group role, the masked views and the boards' rules up to date; committed. Running it again changes nothing."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        _group(connection, cursor)
        cursor.execute(
            "SELECT relation, fingerprint FROM hub.masked_view WHERE to_regclass('masked.' || quote_ident(relation)) IS NOT NULL"
        )
        made = dict(cursor.fetchall())
        cursor.execute(_RELATIONS)
        for name, columns, kinds, comments, told in cursor.fetchall():
            texts = [(None, told or _TOLD.get(name, "")), *zip(columns, comments, strict=True)]
            body = view(name, list(zip(columns, kinds, strict=True)))
            if body is None:
                continue
            fingerprint = hashlib.sha256(repr((body, texts)).encode()).hexdigest()[:16]
            if made.get(name) != fingerprint:
                _make(connection, cursor, name, body, texts)
                cursor.execute(
                    "INSERT INTO hub.masked_view VALUES (%s, %s) ON CONFLICT (relation) DO UPDATE SET fingerprint = excluded.fingerprint",
                    [name, fingerprint],
                )
        cursor.execute(
            "SELECT hub.guard(c.oid) FROM pg_class c WHERE c.relnamespace = 'board'::regnamespace AND c.relkind = 'r' "
            "AND (NOT c.relrowsecurity OR NOT has_table_privilege(%s, c.oid, 'SELECT'))",
            [reader(connection)],
        )
    connection.commit()


def _group(connection: psycopg.Connection[Any], cursor: psycopg.Cursor[Any]) -> None:
    name = sql.Identifier(reader(connection))
    cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [reader(connection)])
    if not (cursor.fetchone() or (False,))[0]:
        cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA board, masked TO {}").format(name))
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        cursor.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(connection.info.dbname), name)
        )
    # Whoever may log in to this server may enter this database and no other that is ours; Dagster's is made later.
    cursor.execute(
        "SELECT datname FROM pg_database WHERE datname IN (current_database(), 'dagster', 'postgres', 'template1') AND pg_has_role(datdba, 'USAGE') "
        "AND has_database_privilege('public', oid, 'CONNECT')"
    )
    for (database,) in cursor.fetchall():
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
    # Who holds the audit's lock stops everybody; a large object, and a message in the write-ahead log, is written without a table.
    cursor.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND pg_has_role(proowner, 'USAGE') AND "
        "(proname ~ '^pg_(try_)?advisory_' OR proname IN ('lo_create', 'lo_creat', 'lo_from_bytea', 'lo_open', 'lo_put', 'lowrite', 'pg_logical_emit_message')) "
        "AND has_function_privilege('public', oid, 'EXECUTE')"
    )
    for (function,) in cursor.fetchall():
        cursor.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(sql.SQL(function)))


def _make(
    connection: psycopg.Connection[Any], cursor: psycopg.Cursor[Any], name: str, body: sql.Composable, texts: list[tuple[str | None, str]]
) -> None:  # fmt: skip
    target = sql.Identifier("masked", name)
    cursor.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(target))
    cursor.execute(sql.SQL("CREATE VIEW {} WITH (security_barrier) AS {}").format(target, body))
    cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(target, sql.Identifier(reader(connection))))
    for column, text in texts:
        if not text:
            continue
        if column is None:
            cursor.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(target, sql.Literal(text)))
        else:
            cursor.execute(
                sql.SQL("COMMENT ON COLUMN {} IS {}").format(sql.Identifier("masked", name, column), sql.Literal(text))
            )


def dataset_of(relation: str) -> Contract | None:
    """The contract a relation of schema `shared` follows; None for reference tables and the hub's books."""
    known = contracts()
    dataset = relation if relation in known else relation.removesuffix(SUFFIX)
    return known.get("enterprise" if dataset == "enterprise_record" else dataset)


def view(relation: str, columns: list[tuple[str, str]], source: sql.Composable | None = None) -> sql.Composable | None:
    """The masked view's query; None when the relation is not offered. `source` stands for shared.<relation>, of the same columns."""
    contract = dataset_of(relation)
    table = source or sql.Identifier("shared", relation)
    if contract is None:
        if relation not in OPEN:
            return None
        listed = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
        scope = [name for name, _ in columns if name == "provider_dept_code"]
        where: sql.Composable = sql.SQL("(SELECT hub.sees_boards())")
        if scope:
            where += sql.SQL(
                " AND ((SELECT hub.whole_county()) OR provider_dept_code::text = (SELECT hub.my_dept_code()))"
            )
        return sql.SQL("SELECT {} FROM {} WHERE {}").format(listed, table, where)
    fields = {**contract.fields, **contract.derived}
    told = sql.Literal(contract.dataset)
    # Who complained is for the hotline office and the county's own staff: the unit complained of gets no trace of it.
    bare = contract.domain == "hotline"
    shown = sql.SQL(", ").join(_shown(name, kind, fields.get(name), told, bare=bare) for name, kind in columns)
    own: sql.Composable = sql.SQL("(SELECT hub.sees({}))").format(told)
    provided = any(name == "provider_dept_code" for name, _ in columns)
    if provided:
        own = sql.SQL("({} OR provider_dept_code::text = (SELECT hub.my_dept_code()))").format(own)
    if contract.sharing == "unconditional":
        own = sql.SQL("true")
    elif contract.sharing == "none":  # no grant opens it, and the whole county's staff is not its owner
        own = sql.SQL("provider_dept_code::text = (SELECT hub.my_dept_code())") if provided else sql.SQL("false")
    return sql.SQL("SELECT {} FROM {} WHERE (SELECT hub.sees_boards()) AND {}").format(shown, table, own)


def _shown(name: str, kind: str, field: Field | None, dataset: sql.Literal, *, bare: bool) -> sql.Composable:
    column = sql.Identifier(name)
    hidden = _mask(name, kind, field)
    shown: sql.Composable = column
    if hidden is not None:
        shown = sql.SQL("CASE WHEN (SELECT hub.unmasks({})) THEN {} ELSE ({})::{} END").format(
            dataset, column, hidden, sql.SQL(kind)
        )
    if bare and field is not None and field.classification in {"S2", "S3"}:
        shown = sql.SQL("CASE WHEN (SELECT hub.sees_callers()) THEN {} END").format(shown)
    return column if shown is column else sql.SQL("{} AS {}").format(shown, column)


def is_masked(name: str, field: Field | None) -> bool:
    """Whether people without an approved request see this column masked or not at all."""
    return _mask(name, "text", field) is not None


def mask_words(name: str, field: Field | None) -> str:
    """What people without an approved request see of this column, in words."""
    worded = field is None or field.physical_type.startswith(("varchar", "text"))
    hidden = _mask(name, "text" if worded else "number", field)
    if hidden is None:
        return "入库前已脱敏，照样显示" if field and field.classification == "S2" else "原值"
    return "不显示" if hidden == sql.SQL("NULL") else "首尾各留一两个字，其余为 *"


def _mask(name: str, kind: str, field: Field | None) -> sql.Composable | None:
    """What stands in for the value; None when it shows as it is."""
    if name == "quality_notes":  # holds raw values of repaired fields
        return sql.SQL("NULL")
    if field is None or field.classification in {"S0", "S1"}:
        return None
    if field.classification == "S2" and field.kind in _SAFE_KINDS:
        return None
    if field.classification == "S2" and (kind == "text" or kind.startswith("character varying")):
        return sql.SQL("hub.mask({}::text)").format(sql.Identifier(name))
    return sql.SQL("NULL")


# ---------------------------------------------------------------------------------------------- login roles
def grant_login(connection: psycopg.Connection[Any], role: str, password: str) -> None:
    """Make or renew a user's login role: reads what the group reads, a minute at most, a few connections at once."""
    name = sql.Identifier(role)
    found = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("CREATE" if found is None else "ALTER")
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE INHERIT CONNECTION LIMIT 8 PASSWORD {}").format(
            verb, name, sql.Literal(password)
        )
    )
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(reader(connection)), name))
    limit_login(connection, role)


def limit_login(connection: psycopg.Connection[Any], role: str) -> None:
    """Put a user's role under its limits again if they are not as they were: PostgreSQL lets every role change its own."""
    wanted = {
        "search_path": SEARCH_PATH, "statement_timeout": f"{SECONDS}s", "default_transaction_read_only": "on",
        "idle_in_transaction_session_timeout": "5min",
    }  # fmt: skip
    with connection.cursor(row_factory=tuple_row) as cursor:
        may = cursor.execute("SELECT has_parameter_privilege('temp_file_limit', 'SET')").fetchone()
        if may and may[0]:  # else the site's own administrator has not let the hub set it
            wanted["temp_file_limit"] = TEMP_FILES
        found = cursor.execute("SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = %s", [role]).fetchall()
    if {text for (text,) in found} == {f"{setting}={value}" for setting, value in wanted.items()}:
        return
    name = sql.Identifier(role)
    connection.execute(sql.SQL("ALTER ROLE {} RESET ALL").format(name))
    for setting, value in wanted.items():
        text = sql.SQL(value) if setting == "search_path" else sql.Literal(value)
        connection.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(setting), text))


def curb(connection: psycopg.Connection[Any]) -> int:
    """End what users' own sessions run past the limits that PostgreSQL lets them lift for themselves; how many.

    A statement is cancelled, a session that leaves its transaction open is ended. Without the right to see and to stop
    other roles' sessions (a site's own server) nothing happens.
    """
    found = connection.execute(
        "SELECT CASE WHEN s.state = 'active' THEN pg_cancel_backend(s.pid) ELSE pg_terminate_backend(s.pid) END FROM pg_stat_activity s "
        "JOIN hub.account a ON a.db_role = s.usename WHERE s.datname = current_database() "
        "AND (pg_has_role(s.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')) "
        "AND (s.state = 'active' AND s.query_start < clock_timestamp() - make_interval(secs => %s) "
        "OR s.state LIKE 'idle in transaction%%' AND s.state_change < clock_timestamp() - make_interval(secs => %s))",
        [SECONDS + 5, _IDLE_SECONDS],
    ).fetchall()
    return len(found)


def revoke_login(connection: psycopg.Connection[Any], role: str) -> None:
    """Close a user's login role and end its sessions."""
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None:
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(role)))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [role])
