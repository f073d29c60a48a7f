"""A person's question in SQL: parameters filled in, and what PostgreSQL says of it in Chinese with the nearest name."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from schemas.errors import ConfigError, HubError, nearest

# Strings, quoted names, comments and ::casts come first, so that a colon inside them is no parameter.
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|(?<![:\w]):([a-zA-Z_]\w*)", re.DOTALL)
PLAIN = re.compile(r"\s*(explain|show|table)\b", re.IGNORECASE)
# Words that begin a statement which is no query, in front of them blanks and comments.
CHANGE = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(insert|update|delete|merge|create|drop|alter|truncate|grant|revoke|set|copy|call|do)\b",
    re.IGNORECASE | re.DOTALL,
)
FIXED = {
    "25006": ("这里只能查询，不能改数据", "请只写 SELECT"),
    "22012": ("除数为 0", "请写 a / NULLIF(b, 0)"),
    "42501": ("没有权限", "请找县数据管理员"),
    "53400": ("中间结果太大，超过一条查询可用的临时空间", "请先筛选或汇总，再关联和排序"),
    "53200": ("要的内存太多，超过一条查询可用的", "请先筛选或汇总，再关联和排序；自己调大 work_mem 不起作用"),
    "53300": ("同时连接太多", "请关掉不用的连接，每人最多 8 个"),
}


_CURSOR = 'DECLARE "answer" CURSOR FOR '  # what psycopg puts before a query it reads through a cursor of that name
_KINDS = {"57014": "timeout", "42501": "denied", "25006": "read_only"}


class QueryError(HubError):
    """A query PostgreSQL refused: `kind` is timeout, denied, read_only or sql; `line` and `column` count from 1, 0 is unknown."""

    kind, line, column = "sql", 0, 0


# Types PostgreSQL knows no order of: json, xml, points and shapes.
_UNORDERED = frozenset({114, 142, 143, 199, 600, 601, 602, 603, 604, 628, 718})


def same_order(connection: psycopg.Connection[Any], text: str) -> str:
    """The query with its rows in one order, whichever way the tables give them: rows equal by its own ORDER BY stand by what they show.

    A LIMIT then cuts at the same row each time. A query that says no order is ordered by its rows' text. What is not told by
    the rows (a window or an aggregate over equals, WITH TIES, a LIMIT within) stays as asked.
    """
    import sqlglot
    from sqlglot import TokenType as T
    from sqlglot.errors import SqlglotError

    try:
        tokens = sqlglot.tokenize(text, dialect="postgres")
    except SqlglotError:
        return text  # PostgreSQL says what is wrong with it
    depth, ordered, nested, cut = 0, False, False, None
    for token in tokens:
        depth += (token.token_type == T.L_PAREN) - (token.token_type == T.R_PAREN)
        if token.token_type == T.ORDER_BY:
            ordered, nested = ordered or depth == 0, nested or depth > 0
        elif depth == 0 and cut is None and token.token_type in {T.LIMIT, T.OFFSET, T.FETCH, T.FOR}:
            cut = token
    try:
        with connection.transaction(force_rollback=True), connection.cursor(row_factory=tuple_row) as cursor:
            columns = cursor.execute(f"SELECT * FROM ({text}\n) AS answer LIMIT 0".encode()).description or []
    except psycopg.Error:
        return text
    if not ordered and (cut is None or nested):
        return f'SELECT * FROM ({text}\n) AS answer ORDER BY answer::text COLLATE "C"'
    if tokens[0].token_type == T.L_PAREN or tokens[-1].text.upper() == "TIES":
        return text
    places = ", ".join(str(n) for n, column in enumerate(columns, 1) if column.type_code not in _UNORDERED)
    if not places:
        return text
    at = cut.start if cut else tokens[-1].end + 1
    return f"{text[:at]}{',' if ordered else ' ORDER BY'} {places} {text[at:]}"


def bind(sql: str, values: dict[str, str]) -> str:
    """The query with every :name replaced by its value as an SQL literal, and without the closing semicolon.

    Raises:
        ConfigError: a parameter has no value, or a value no parameter.
    """
    used: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return match.group(0)
        if name not in values:
            raise ConfigError("查询", f"参数 :{name} 没有给值", f"请给 {name} 填一个值")
        used.add(name)
        return "'" + values[name].replace("'", "''") + "'"

    bound = _TOKEN.sub(fill, sql).strip().rstrip(";").strip()
    for name in values.keys() - used:
        raise ConfigError("查询", f"查询里没有用到参数 :{name}", nearest(name, names(sql)))
    return bound


def names(sql: str) -> list[str]:
    """The :names in a query, in order."""
    return list(dict.fromkeys(match.group(1) for match in _TOKEN.finditer(sql) if match.group(1)))


def explain(error: psycopg.Error, sql: str, connection: psycopg.Connection[Any], seconds: int) -> QueryError:
    """What was wrong with the query, where, in Chinese, with the nearest name where one is unknown."""
    told = _told(error, sql, connection, seconds)
    made = QueryError(told.where, told.what, told.cure)
    made.kind = _KINDS.get(error.sqlstate or "", "sql")
    position = int(error.diag.statement_position or 0)
    if position and not PLAIN.match(sql):
        position -= len(_CURSOR)
    if 0 < position <= len(sql):
        before = sql[: position - 1]
        made.line, made.column = before.count("\n") + 1, position - 1 - (before.rfind("\n") + 1) + 1
    return made


def _told(error: psycopg.Error, sql: str, connection: psycopg.Connection[Any], seconds: int) -> HubError:
    state, said = error.sqlstate or "", (error.diag.message_primary or str(error)).strip()
    line = _word(r"LINE (\d+):", str(error)) or "1"
    where = f"查询第 {line} 行" if "\n" in sql else "查询"
    quoted = re.search(r"\"([^\"]+)\"", said)
    name = quoted.group(1) if quoted else ""
    if "data-modifying" in said:
        state = "25006"
    match state:
        case "42P01":
            known = _tables(connection)
            if name.split(".")[-1] in known:
                return HubError(where, f"'{name}' 没有保留历史", "请去掉它，或不加 --as-of 查现在的数据")
            return HubError(where, f"没有 '{name}' 这个表", nearest(name.split(".")[-1], known))
        case "42703":
            # The column stands in quotes, or bare when a table's name is before it.
            column = (name or _word(r"(?:column|字段) (\S+)", said)).split(".")[-1]
            return HubError(where, f"没有 '{column}' 这个字段", nearest(column, _columns(connection, sql)))
        case "42883":
            called = _word(r"([^\s(]+)\(", said) or said
            return HubError(
                where, f"没有这个函数，或参数类型不对（{called}）", "请检查函数名，必要时用 CAST(… AS 类型)"
            )
        case "42803":
            column = name or _word(r"column (\S+) must", said)
            return HubError(where, f"字段 {column} 没有汇总", "请写进 GROUP BY，或用 MIN、MAX 等汇总")
        case "42601":
            near = f"（'{name}' 附近）" if name else ""
            return HubError(where, f"SQL 写法不对{near}", "请检查逗号、括号和关键字；只能写一条 SELECT")
        case "57014":
            return HubError(where, f"超过 {seconds} 秒还没有算完", "请缩小范围，或先在小范围里试")
        case "42702":
            return HubError(where, f"字段 '{name}' 在几个表里都有", "请写成 表名.字段名")
        case "3F000":
            return HubError(where, f"没有 '{name}' 这个模式", "数据集直接写名称，不写模式")
    if state in FIXED:
        return HubError(where, *FIXED[state])
    if state[:2] == "22":
        return HubError(where, f"有的值不能这样转换或比较（{said}）", "请检查比较两边的类型")
    return HubError(where, said.splitlines()[0], "请检查查询语句")


def _word(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match.group(1) if match else ""


def _tables(connection: psycopg.Connection[Any]) -> list[str]:
    found = connection.cursor(row_factory=tuple_row).execute(
        "SELECT relname FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('board', 'shared', 'masked')) AND relkind IN ('r', 'v', 'm') AND has_table_privilege(oid, 'SELECT')"
    )
    return [row[0] for row in found]


def _columns(connection: psycopg.Connection[Any], sql: str) -> list[str]:
    """Columns of the tables the query names."""
    words = list({word.lower() for word in re.findall(r"\w+", sql)})
    found = connection.cursor(row_factory=tuple_row).execute(
        "SELECT DISTINCT attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('board', 'shared', 'masked') AND c.relname = ANY (%s) AND a.attnum > 0 AND NOT a.attisdropped",
        [words],
    )
    return [row[0] for row in found]
