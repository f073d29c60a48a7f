"""What each cell of the data means to the scheme: its indicator, and its text as a number, a grade or a told value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import ConfigError, ConfigErrors, nearest
from views.scoring import data
from views.scoring.keys import squeezed

if TYPE_CHECKING:
    import duckdb

    from views.scoring.scheme import Node, Scheme

_BLANK = ("", "-", "--", "—", "——", "/", "..", "...", "…", "n/a", "na", "n.a.", "#n/a", "nan", "null", "none", "无", "空", "缺", "缺失", "缺项", "不适用")  # fmt: skip
_FULL_WIDTH = ("０１２３４５６７８９．－＋，％", "0123456789.-+,%")
_ERRORS_TOLD = 20


def load(con: duckdb.DuckDBPyConnection, scheme: Scheme, path: Path) -> list[str]:
    """Make tables node, subject and value from the file; returns notes on what has no part in the score.

    value has one row per cell that means something: subject, period, node, part (value or input), raw, number.

    Raises:
        ConfigError: the file cannot be read, or cells are no numbers; all wrong cells at once.
    """
    names = _names(scheme)
    table = data.read(con, path, scheme, [name for name, *_ in names])
    notes = [*table.notes, *_prepare(con, scheme, names, table)]
    _values(con, scheme, table)
    # A year whose column holds nothing is no period.
    con.execute(
        "DELETE FROM subject WHERE period IS NOT NULL AND period NOT IN (SELECT period FROM value WHERE period IS NOT NULL) AND EXISTS (FROM value)"
    )
    return notes


def _names(scheme: Scheme) -> list[tuple[str, str, str, float, int]]:
    """(spelling in the file, node, part, points, priority): how columns or indicator names reach indicators."""
    found = []
    for node in scheme.nodes:
        if node.formula in {"satisfaction", "share"}:
            found += [(name, node.id, "input", points, 0) for name, points in node.points]
        found += [(name, node.id, "value", 0.0, order) for order, name in enumerate(node.names)]
    return found


def _prepare(con: duckdb.DuckDBPyConnection, scheme: Scheme, names: list[Any], table: data.Table) -> list[str]:
    """Tables node, point, meaning(key, node, part, points, priority) and subject; notes on what has no part in it."""
    import pyarrow as pa

    fields = [
        "id", "title", "parent", "level", "weight", "combine", "missing", "min_coverage", "full_marks", "digits", "formula",
        "direction", "best", "worst", "best_from", "worst_from", "transform", "exponent", "clamp", "standard", "per_unit",
        "bonus", "floor", "ceiling", "out_of",
    ]  # fmt: skip
    numbers = {"weight", "min_coverage", "full_marks", "best", "worst", "exponent", "standard", "per_unit", "bonus", "floor", "ceiling", "out_of"}  # fmt: skip
    types = {name: pa.float64() if name in numbers else pa.string() for name in fields}
    types |= {"level": pa.int32(), "digits": pa.int32(), "clamp": pa.bool_()}
    columns = [
        pa.array([getattr(node, "full" if name == "full_marks" else name) for node in scheme.nodes], types[name])
        for name in fields
    ]
    order = pa.array(range(len(scheme.nodes)), pa.int32())
    con.register("nodes", pa.table([*columns, order], names=[*fields, "ord"]))
    con.execute("CREATE TEMP TABLE node AS FROM nodes")
    points = [(n.id, key, value) for n in scheme.nodes if n.formula in {"grade", "bands"} for key, value in n.points]
    _table(con, "point", "node VARCHAR, key VARCHAR, points DOUBLE", [(n, _key(k), p) for n, k, p in points])
    texts = [(n.id, key, put) for n in scheme.nodes for key, put in n.texts]
    _table(con, "meant", "node VARCHAR, key VARCHAR, put VARCHAR", texts)
    spellings = [row[0] for row in con.execute("SELECT DISTINCT key FROM cell WHERE key IS NOT NULL").fetchall()]
    by_key: dict[str, list[tuple[Any, ...]]] = {}
    for name, node, part, value, priority in names:
        by_key.setdefault(squeezed(name), []).append((node, part, value, priority))
    meaning = [(text, *target) for text in spellings for target in dict.fromkeys(by_key.get(squeezed(text), []))]
    _table(con, "meaning", "key VARCHAR, node VARCHAR, part VARCHAR, points DOUBLE, priority INTEGER", meaning)
    if not meaning:
        raise ConfigError(
            f"{table.file}：指标列", "没有一个是方案里的指标", nearest(spellings[0] if spellings else "", (n.id for n in scheme.nodes))
        )  # fmt: skip
    con.execute("CREATE TEMP TABLE subject AS SELECT min(_row) AS first_row, subject, period, false AS reference FROM cell SEMI JOIN meaning USING (key) GROUP BY ALL")  # fmt: skip
    if scheme.reference:
        con.execute(
            "UPDATE subject SET reference = true WHERE lower(subject) IN (SELECT lower(unnest($1)))",
            [list(scheme.reference)],
        )
    notes = []
    strangers = [text for text in spellings if squeezed(text) not in by_key]
    unused = strangers if table.form != "wide" else list(table.unused)
    if unused:
        notes.append(f"没有用到的{'列' if table.form == 'wide' else '指标'}：{'、'.join(unused[:8])}{'…' if len(unused) > 8 else ''}")  # fmt: skip
    fed = {row[1] for row in meaning}
    covered = fed | {n.id for n in scheme.nodes if _above(scheme, n, fed)}
    without = [node.id for node in scheme.nodes if node.is_leaf and node.id not in covered]
    if without:
        notes.append(f"数据里没有这些指标：{'、'.join(without[:8])}{'…' if len(without) > 8 else ''}")
    return notes


def _above(scheme: Scheme, node: Node, fed: set[str]) -> bool:
    parents = {n.id: n.parent for n in scheme.nodes}
    above = node.parent
    while above is not None:
        if above in fed:
            return True
        above = parents[above]
    return False


def _table(con: duckdb.DuckDBPyConnection, name: str, columns: str, rows: list[Any]) -> None:
    con.execute(f"CREATE TEMP TABLE {name} ({columns})")
    if rows:
        con.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _key(text: str) -> str:
    return text if text == "inf" else squeezed(text)


def _values(con: duckdb.DuckDBPyConnection, scheme: Scheme, table: data.Table) -> None:
    """Table value(subject, period, node, part, points, raw, number, put): every cell read as what it means."""
    blank = [*_BLANK, *(word.lower() for word in scheme.blank)]
    con.execute(
        f"""CREATE MACRO plain(t) AS translate(trim(t, chr(12288) || chr(160) || ' '), {quoted(_FULL_WIDTH[0])}, {quoted(_FULL_WIDTH[1])})"""
    )
    con.execute(
        """CREATE MACRO number_of(t) AS CASE
          WHEN regexp_full_match(plain(t), '\\s*[-+]?(\\d+|\\d{1,3}(,\\d{3})+)?(\\.\\d*)?([eE][-+]?\\d+)?\\s*%?\\s*')
          THEN TRY_CAST(regexp_replace(plain(t), '[\\s,]|%$', '', 'g') AS DOUBLE) END"""
    )
    con.execute(
        """CREATE TEMP TABLE value AS
        WITH trimmed AS (SELECT c.*, trim(c.text, chr(12288) || chr(160) || ' ') AS t FROM cell c),
        clean AS (
          SELECT t._row, t.col, t.subject, t.period, m.node, m.part, m.points, m.priority, n.formula, t.t AS raw
          FROM trimmed t JOIN meaning m USING (key) JOIN node n ON n.id = m.node
          WHERE lower(t.t) NOT IN (SELECT unnest($1::VARCHAR[]))
        )
        SELECT c.*, NULL::DOUBLE AS graded, NULL::VARCHAR AS put, number_of(c.raw) AS number FROM clean c""",
        [blank],
    )
    words = con.execute("SELECT DISTINCT raw FROM value WHERE number IS NULL OR formula = 'grade'").fetchall()
    _table(con, "word", "raw VARCHAR, key VARCHAR", [(text, squeezed(text)) for (text,) in words])
    con.execute(
        """UPDATE value SET graded = u.graded, put = u.put FROM (
          SELECT n.id AS node, w.raw, CASE WHEN n.formula = 'grade' THEN g.points END AS graded, x.put
          FROM word w CROSS JOIN node n LEFT JOIN point g ON g.node = n.id AND g.key = w.key LEFT JOIN meant x ON x.node = n.id AND x.key = w.key
          WHERE g.points IS NOT NULL OR x.put IS NOT NULL
        ) u WHERE value.node = u.node AND value.raw = u.raw AND value.part = 'value'"""
    )
    con.execute("DELETE FROM value WHERE put IN ('missing', 'drop', 'blank', '缺失')")
    wrong = con.execute(
        """SELECT _row, col, subject, raw, formula, node, count(*) OVER () FROM value
        WHERE graded IS NULL AND (number IS NULL OR formula = 'grade' AND part = 'value')
          AND (put IS NULL OR put NOT IN ('best', 'worst') AND TRY_CAST(put AS DOUBLE) IS NULL)
        ORDER BY _row, col LIMIT $1""",
        [_ERRORS_TOLD],
    ).fetchall()
    if wrong:
        grades = {node.id: [key for key, _ in node.points] for node in scheme.nodes if node.formula == "grade"}
        raise ConfigErrors(
            [
                ConfigError(
                    f"{table.file}：第 {row} 行：{col}",
                    f"'{subject}' 的值 '{raw}' " + ("不是方案里的等次" if formula == "grade" else "不是数"),
                    nearest(raw, grades[node])
                    if formula == "grade"
                    else "请改正；缺报请留空，或在方案 texts 里写明怎么算",
                )
                for row, col, subject, raw, formula, node, _ in wrong
            ]
        )
    con.execute("UPDATE value SET number = TRY_CAST(put AS DOUBLE) WHERE TRY_CAST(put AS DOUBLE) IS NOT NULL")


def quoted(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def named(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
